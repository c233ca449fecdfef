//! The answer as server-sent events: partial pictures, then the finished one with its usage.
use std::sync::Arc;

use actix_web::{HttpResponse, web::Bytes};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    State,
    order::Order,
    picture, ready,
    refusal::Refusal,
    routes::{on_a_blocking_thread, usage},
    strikes::{self, Strike},
};

pub async fn answer(state: &Arc<State>, order: Order, partial: u32, strike: Strike) -> Result<HttpResponse, Refusal> {
    let mut frames = paint(state, &order, partial, &strike).await?;
    let last = frames.pop().unwrap_or_default();
    let mut events: Vec<String> = Vec::new();
    for (index, frame) in frames.into_iter().enumerate() {
        let mut data = event(&order.event("partial_image"), &order);
        data["partial_image_index"] = json!(index);
        let frame = if matches!(strike, Strike::BadPartial) { b"This is no picture.".to_vec() } else { frame };
        data["b64_json"] = json!(BASE64_STANDARD.encode(frame));
        events.push(text(&data));
    }
    let mut done = event(&order.event("completed"), &order);
    let image = strikes::image(last, &strike, |bytes| match strike {
        Strike::UrlAnswer => {
            let name = state.shelf.put(bytes, order.format.name());
            json!({"url": format!("{}/compatible/pictures/{name}", state.origin)})
        }
        _ => json!({"b64_json": BASE64_STANDARD.encode(bytes)}),
    });
    if let (Some(done), Value::Object(image)) = (done.as_object_mut(), image) {
        done.extend(image);
    }
    if let Some(model) = order.model {
        done["usage"] = usage(model, &order, partial);
    }
    if let Some(identifier) = &order.safety_identifier {
        done["safety_identifier"] = json!(identifier);
    }
    match &strike {
        Strike::CutStream => {}
        Strike::StreamError(refusal) => events.push(format!("event: error\ndata: {}\n\n", refusal.body())),
        Strike::EmptyData | Strike::FewerImages => {
            done.as_object_mut().and_then(|done| done.remove("b64_json"));
            events.push(text(&done));
        }
        Strike::DoneMarker => events.extend([text(&done), "data: [DONE]\n\n".into()]),
        _ => events.push(text(&done)),
    }
    Ok(send(events, state.speed(&strike), &strike))
}

fn send(events: Vec<String>, speed: std::time::Duration, strike: &Strike) -> HttpResponse {
    let pause = match strike {
        Strike::SlowBody(time) => *time,
        _ => speed,
    } / u32::try_from(events.len().max(1)).unwrap_or(1);
    let mut answer = HttpResponse::Ok();
    answer.content_type(if matches!(strike, Strike::WrongMime) { "text/html" } else { "text/event-stream" });
    answer.insert_header(("cache-control", "no-cache"));
    if matches!(strike, Strike::CutBody) {
        return answer.streaming(strikes::cut(events.concat()));
    }
    answer.streaming(stream::iter(events).then(move |event| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(Bytes::from(event))
    }))
}

/// The partial pictures and, last, the whole one, each encoded.
async fn paint(state: &Arc<State>, order: &Order, partial: u32, strike: &Strike) -> Result<Vec<Vec<u8>>, Refusal> {
    if let &Strike::Ready(wanted) = strike {
        return Ok(vec![on_a_blocking_thread(move || ready::picture(wanted)).await?]);
    }
    let variant = state.next_variant(&order.prompt, 1);
    let mut order = order.clone();
    if matches!(strike, Strike::WrongSize) {
        (order.width, order.height) = (order.width / 2, order.height / 2);
    }
    let is_sketch = state.only_sketches();
    let _easel = state.easels.acquire().await;
    on_a_blocking_thread(move || {
        let whole = picture::paint(&order, variant, is_sketch);
        let mut frames = Vec::new();
        for step in 0..partial {
            let early = picture::partial(&whole, step, partial);
            frames.push(picture::encode(&early, order.format, order.compression)?);
        }
        frames.push(picture::encode(&whole, order.format, order.compression)?);
        Ok(frames)
    })
    .await
}

fn event(kind: &str, order: &Order) -> Value {
    json!({
        "type": kind,
        "created_at": chrono::Utc::now().timestamp(),
        "size": order.size(),
        "quality": order.quality,
        "background": order.background(),
        "output_format": order.format.name(),
    })
}

fn text(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default())
}
