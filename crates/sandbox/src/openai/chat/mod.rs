//! Chat Completions: `/v1/chat/completions` of a small language model that proposes attribute sections. As strict as the
//! vendor about what it is sent; what it says is made of the prompt's own words, in its script, the same each time.
mod ask;
mod lexicon;
mod schema;
mod speech;
mod strikes;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use self::ask::Ask;
use self::strikes::Strike;
use super::routes::{check_key, received, wrong_method};
use super::{RequestId, State, refusal::Refusal};
pub use strikes::KINDS;

pub fn mount(app: &mut web::ServiceConfig) {
    let path = "/v1/chat/completions";
    app.service(web::resource(path).route(web::post().to(complete)).default_service(web::to(wrong_method)));
}

async fn complete(
    state: web::Data<State>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let json = body.as_ref().ok().and_then(|body| serde_json::from_slice::<Value>(body).ok());
    state.remember(received(&request, json.as_ref()));
    let answer = async {
        check_key(request.headers())?;
        let ask = ask::read(request.headers(), json)?;
        answer(&state, &request, &ask).await
    };
    answer.await.unwrap_or_else(|refusal| refusal.answer())
}

async fn answer(state: &State, request: &HttpRequest, ask: &Ask) -> Result<HttpResponse, Refusal> {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let strike = match state.faults.take_where("chat", |kind| KINDS.contains(&kind)) {
        Some(fault) => strikes::of(&fault, &id, ask),
        None => Strike::None,
    };
    match strike {
        Strike::Refuse(refusal) => return Err(refusal),
        Strike::Answer(answer) => return Ok(answer),
        Strike::Hang(time) => tokio::time::sleep(time).await,
        _ => {}
    }
    // A few hundred words take a part of what a picture does.
    let speed = *super::locked(&state.speed);
    tokio::time::sleep(speed / 4).await;
    let said = speech::say(ask);
    let (message, finish) = strikes::spoil(said, &strike);
    let content_length = message["content"].as_str().map_or(0, |text| text.chars().count() as u64);
    let (input, output) = (ask.length.div_ceil(4) + 7, content_length.div_ceil(4) + 1);
    let body = json!({
        "id": format!("chatcmpl-{}", id.trim_start_matches("req_")),
        "object": "chat.completion",
        "created": chrono::Utc::now().timestamp(),
        "model": ask.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": input,
            "completion_tokens": output,
            "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": null,
    });
    Ok(strikes::deliver(body, &strike))
}
