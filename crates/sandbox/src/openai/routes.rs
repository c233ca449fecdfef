//! The endpoints and the way of one request: key, JSON, order, fault, picture, answer.
use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, http::header::HeaderMap, web};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::{
    API_KEY, Received, RequestId, State, chat, edits,
    models::{self, Model},
    order::Order,
    picture, ready,
    refusal::Refusal,
    stream,
    strikes::{self, Strike},
};

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Gpt,
    Dalle,
}

/// Bytes of a body with all its pictures.
const EDIT_BYTES_MAX: usize = 256 << 20;

pub fn mount(app: &mut web::ServiceConfig) {
    for (path, dialect) in
        [("/v1/images/generations", Dialect::Gpt), ("/compatible/v1/images/generations", Dialect::Dalle)]
    {
        let post = move |state, request, body| generate(state, request, body, dialect);
        app.service(web::resource(path).route(web::post().to(post)).default_service(web::to(wrong_method)));
    }
    for (path, dialect) in [("/v1/images/edits", Dialect::Gpt), ("/compatible/v1/images/edits", Dialect::Dalle)] {
        let post = move |state, request, body| edit(state, request, body, dialect);
        let resource = web::resource(path).app_data(web::PayloadConfig::new(EDIT_BYTES_MAX));
        app.service(resource.route(web::post().to(post)).default_service(web::to(wrong_method)));
    }
    for path in ["/v1/models", "/compatible/v1/models"] {
        app.service(web::resource(path).route(web::get().to(list_models)).default_service(web::to(wrong_method)));
    }
    chat::mount(app);
    app.route("/v1/models/{id}", web::get().to(get_model));
    app.route("/compatible/pictures/{name}", web::get().to(get_picture));
    app.default_service(web::to(no_such_url));
}

async fn no_such_url(request: HttpRequest) -> HttpResponse {
    let text = format!("Invalid URL ({} {})", request.method(), request.path());
    Refusal::new(404, "invalid_request_error", "", text).answer()
}

pub async fn wrong_method(request: HttpRequest) -> HttpResponse {
    let text = format!("Not allowed to {} on {}.", request.method(), request.path());
    let allow = if request.path().ends_with("/models") { "GET" } else { "POST" };
    Refusal::new(405, "invalid_request_error", "method_not_supported", text).header("allow", allow).answer()
}

async fn list_models(request: HttpRequest) -> HttpResponse {
    if let Err(refusal) = check_key(request.headers()) {
        return refusal.answer();
    }
    let data: Vec<Value> = if request.path().starts_with("/compatible") {
        vec![describe("dall-e-3")]
    } else {
        models::LIVE.iter().map(|model| describe(model.id)).collect()
    };
    HttpResponse::Ok().json(json!({"object": "list", "data": data}))
}

async fn get_model(request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    match check_key(request.headers()).and_then(|()| models::find(&id).ok_or_else(|| Refusal::model_not_found(&id))) {
        Ok(model) => HttpResponse::Ok().json(describe(model.id)),
        Err(refusal) => refusal.answer(),
    }
}

fn describe(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 1_757_289_600, "owned_by": "system"})
}

async fn get_picture(state: web::Data<State>, name: web::Path<String>) -> HttpResponse {
    let mime = match name.rsplit('.').next() {
        Some("jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        _ => "image/png",
    };
    match state.shelf.get(&name) {
        Some(bytes) => HttpResponse::Ok().content_type(mime).body(bytes),
        None => HttpResponse::Forbidden().content_type("text/plain").body("This link has expired."),
    }
}

async fn generate(
    state: web::Data<State>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    dialect: Dialect,
) -> HttpResponse {
    let json = body.as_ref().ok().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    state.remember(received(&request, json.as_ref()));
    let answer = async {
        check_key(request.headers())?;
        if body.is_err() {
            return Err(Refusal::new(413, "invalid_request_error", "", "The request body is too large."));
        }
        let order = read_order(request.headers(), json, dialect)?;
        answer(state.into_inner(), &request, order).await
    };
    answer.await.unwrap_or_else(|refusal| refusal.answer())
}

async fn edit(
    state: web::Data<State>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    dialect: Dialect,
) -> HttpResponse {
    let answer = async {
        let mime = header(request.headers(), "content-type").unwrap_or_default().to_owned();
        let Ok(body) = body else {
            state.remember(received(&request, None));
            return Err(Refusal::new(413, "invalid_request_error", "", "The request body is too large."));
        };
        let is_old = dialect == Dialect::Dalle;
        if mime.starts_with("multipart/form-data") {
            let form = edits::read_form(&mime, &body);
            state.remember(received(&request, form.as_ref().ok().map(edits::Form::described).as_ref()));
            check_key(request.headers())?;
            let form = form?;
            let edit = form.edit(!is_old)?;
            let order = Order::of_edit(form.fields.clone(), edit, is_old)?;
            return answer(state.into_inner(), &request, order).await;
        }
        let json = serde_json::from_slice::<Value>(&body).ok();
        state.remember(received(&request, json.as_ref()));
        check_key(request.headers())?;
        let mut fields = object(&mime, json)?;
        let edit = edits::of_json(&mut fields)?;
        answer(state.into_inner(), &request, Order::of_edit(fields, edit, is_old)?).await
    };
    answer.await.unwrap_or_else(|refusal| refusal.answer())
}

fn read_order(headers: &HeaderMap, json: Option<Value>, dialect: Dialect) -> Result<Order, Refusal> {
    let body = object(header(headers, "content-type").unwrap_or_default(), json)?;
    if dialect == Dialect::Gpt { Order::of_gpt(&body) } else { Order::of_dalle(&body) }
}

fn object(mime: &str, json: Option<Value>) -> Result<Map<String, Value>, Refusal> {
    if mime.split(';').next().is_none_or(|mime| mime.trim() != "application/json") {
        let text = format!("Invalid Content-Type header ({mime}), expected application/json.");
        return Err(Refusal::new(400, "invalid_request_error", "unsupported_content_type", text));
    }
    let Some(Value::Object(body)) = json else {
        let text = "We could not parse the JSON body of your request. The API expects a JSON payload.";
        return Err(Refusal::new(400, "invalid_request_error", "", text));
    };
    Ok(body)
}

async fn answer(state: Arc<State>, request: &HttpRequest, order: Order) -> Result<HttpResponse, Refusal> {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let fault = state.faults.take_where("openai", |kind| strikes::KINDS.contains(&kind));
    let strike = match fault {
        Some(fault) => strikes::of(&fault, &id, &order),
        None => Strike::None,
    };
    match strike {
        Strike::Refuse(refusal) => return Err(refusal),
        Strike::Answer(answer) => return Ok(answer),
        Strike::Hang(time) => tokio::time::sleep(time).await,
        _ => {}
    }
    if let Some(partial) = order.stream.filter(|_| !matches!(strike, Strike::StreamIgnored)) {
        return stream::answer(&state, order, partial, strike).await;
    }
    tokio::time::sleep(state.speed(&strike)).await;
    let body = images(&state, &order, &strike).await?;
    Ok(strikes::deliver(body.to_string(), &strike))
}

/// The body of a plain answer.
async fn images(state: &Arc<State>, order: &Order, strike: &Strike) -> Result<Value, Refusal> {
    let mut data = Vec::new();
    for bytes in paint(state, order, strike).await? {
        let mut image = strikes::image(bytes, strike, |bytes| {
            if order.wants_url || matches!(strike, Strike::UrlAnswer) {
                let name = state.shelf.put(bytes, order.format.name());
                json!({"url": format!("{}/compatible/pictures/{name}", state.origin)})
            } else {
                json!({"b64_json": BASE64_STANDARD.encode(bytes)})
            }
        });
        if order.model.is_none() {
            let taste = if order.is_vivid { "in vivid, dramatic light" } else { "in natural light" };
            image["revised_prompt"] = json!(format!("{}, seen with great care for detail, {taste}.", order.prompt));
        }
        data.push(image);
    }
    match strike {
        Strike::EmptyData => data.clear(),
        Strike::FewerImages => drop(data.pop()),
        _ => {}
    }
    let mut body = Map::new();
    body.insert("created".into(), json!(chrono::Utc::now().timestamp()));
    body.insert("data".into(), Value::Array(data));
    if let Some(model) = order.model {
        body.insert("background".into(), json!(order.background()));
        body.insert("output_format".into(), json!(order.format.name()));
        body.insert("quality".into(), json!(order.quality));
        body.insert("size".into(), json!(order.size()));
        body.insert("usage".into(), usage(model, order, 0));
        if let Some(identifier) = &order.safety_identifier {
            body.insert("safety_identifier".into(), json!(identifier));
        }
    }
    Ok(Value::Object(body))
}

/// Every picture of an order, encoded.
pub async fn paint(state: &Arc<State>, order: &Order, strike: &Strike) -> Result<Vec<Vec<u8>>, Refusal> {
    let first = state.next_variant(&order.prompt, order.count);
    let mut order = order.clone();
    if matches!(strike, Strike::WrongSize) {
        (order.width, order.height) = (order.width / 2, order.height / 2);
    }
    if let &Strike::Ready(wanted) = strike {
        let ready = (0..order.count).map(|_| on_a_blocking_thread(move || ready::picture(wanted)));
        return try_join_all(ready).await;
    }
    let order = &order;
    try_join_all((0..order.count).map(|index| async move {
        let _easel = state.easels.acquire().await.map_err(|_| broken())?;
        let order = order.clone();
        let is_sketch = state.only_sketches();
        on_a_blocking_thread(move || {
            let painted = picture::paint(&order, first.wrapping_add(index), is_sketch);
            picture::encode(&painted, order.format, order.compression)
        })
        .await
    }))
    .await
}

pub async fn on_a_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, image::ImageError> + Send + 'static,
) -> Result<T, Refusal> {
    web::block(work).await.map_err(|_| broken())?.map_err(|_| broken())
}

fn broken() -> Refusal {
    Refusal::new(500, "server_error", "", "The sandbox could not paint this picture.")
}

/// Text is about four characters a token, plus six of the vendor's own; each partial picture costs a hundred more.
pub fn usage(model: &Model, order: &Order, partial: u32) -> Value {
    let chars = u64::try_from(order.prompt.chars().count()).unwrap_or(u64::MAX);
    let pictures = order.edit.as_ref().map_or(0, |edit| edit.images.len());
    let image_tokens = edits::IMAGE_TOKENS * u64::try_from(pictures).unwrap_or(0);
    let text = chars.div_ceil(4) + 6;
    let input = text + image_tokens;
    let each = model.output_tokens(order.quality, order.width, order.height);
    let output = each * u64::from(order.count) + 100 * u64::from(partial);
    json!({
        "input_tokens": input,
        "output_tokens": output,
        "total_tokens": input + output,
        "input_tokens_details": {"text_tokens": text, "image_tokens": image_tokens},
        "output_tokens_details": {"image_tokens": output, "text_tokens": 0},
    })
}

pub fn check_key(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(key) = header(headers, "authorization").and_then(|value| value.strip_prefix("Bearer ")) else {
        return Err(Refusal::invalid_api_key(
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
        ));
    };
    if key.trim() == API_KEY {
        return Ok(());
    }
    let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    Err(Refusal::invalid_api_key(format!("Incorrect API key provided: ****{tail}.")))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub fn received(request: &HttpRequest, json: Option<&Value>) -> Received {
    let text = |name: &str| json.and_then(|json| json.get(name)).and_then(Value::as_str).map(str::to_owned);
    let sent = |name: &str| header(request.headers(), name).map(str::to_owned);
    Received {
        path: request.path().to_owned(),
        model: text("model"),
        prompt: text("prompt"),
        n: json.and_then(|json| json.get("n")).and_then(Value::as_u64),
        size: text("size"),
        quality: text("quality"),
        body: json.cloned().unwrap_or_default(),
        has_authorization: request.headers().contains_key("authorization"),
        content_type: sent("content-type"),
        user_agent: sent("user-agent"),
        organization: sent("openai-organization"),
        project: sent("openai-project"),
        idempotency_key: sent("idempotency-key"),
    }
}
