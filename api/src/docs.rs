//! `/docs`: Swagger UI from our own origin, with a looser policy of its own, and the OpenAPI document in both forms.
use std::sync::{Arc, OnceLock};

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::http::error::{ApiError, ApiResult};

/// Swagger UI writes styles into its page.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Made when somebody first asks: a server that only works need not hold them.
#[derive(Default)]
pub struct Documents(OnceLock<Texts>);

struct Texts {
    json: String,
    yaml: String,
    swagger: Arc<Config<'static>>,
}

impl Documents {
    fn texts(&self) -> &Texts {
        self.0.get_or_init(|| {
            let document = crate::openapi::document();
            Texts {
                json: document.to_json().unwrap_or_default(),
                yaml: crate::openapi::yaml(&document).unwrap_or_default(),
                swagger: Arc::new(Config::new(["/openapi.json"])),
            }
        })
    }
}

pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/openapi.json", web::get().to(json))
        .route("/openapi.yaml", web::get().to(yaml))
        .service(web::redirect("/docs", "/docs/"))
        .route("/docs/{file:.*}", web::get().to(file));
}

async fn json(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(documents.texts().json.clone())
}

async fn yaml(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/yaml").body(documents.texts().yaml.clone())
}

async fn file(documents: web::Data<Documents>, file: web::Path<String>) -> ApiResult<HttpResponse> {
    let own = match file.as_str() {
        "" | "index.html" => Some(("text/html; charset=utf-8", include_str!("../assets/docs.html"))),
        "docs.js" => Some(("text/javascript; charset=utf-8", include_str!("../assets/docs.js"))),
        "docs.css" => Some(("text/css; charset=utf-8", include_str!("../assets/docs.css"))),
        _ => None,
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_SECURITY_POLICY, CSP)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if let Some((content_type, body)) = own {
        return Ok(answer.content_type(content_type).body(body));
    }
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&documents.texts().swagger))
        .map_err(|error| ApiError::internal(error.to_string()))?
        .ok_or(ApiError::NotFound)?;
    Ok(answer.content_type(found.content_type).body(found.bytes.into_owned()))
}
