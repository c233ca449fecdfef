//! Userinfo (OpenID Connect Core §5.3): the same words about the person as in the id_token.
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::{Provider, VENDOR};
use crate::identity::trouble;

pub const PATH: &str = "/v1/userinfo";

pub async fn answer(request: HttpRequest, provider: web::Data<Provider>) -> HttpResponse {
    if let Some(answer) = trouble::strike(&provider.faults, VENDOR).await {
        return answer;
    }
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(token) = token else {
        return HttpResponse::Unauthorized().insert_header(("WWW-Authenticate", "Bearer realm=\"sandbox\"")).finish();
    };
    let Some(mut person) = provider.tokens.open(token) else {
        return HttpResponse::Unauthorized()
            .insert_header(("WWW-Authenticate", "Bearer realm=\"sandbox\", error=\"invalid_token\""))
            .json(json!({"error": "invalid_token", "error_description": "Invalid Credentials"}));
    };
    if trouble::shows(&provider.faults, VENDOR, "userinfo_wrong_sub") {
        person.insert("sub".into(), "100000000000000000000".into());
    }
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(person)
}
