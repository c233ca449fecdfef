//! What was sent to one webhook lately, what came of it, and sending it once more.
use lapidary_contract::{List, WebhookDelivery, WebhookDeliveryStatus};
use wasm_bindgen_futures::spawn_local;

use crate::http;
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::prelude::*;
use crate::ui::time::Ago;
use crate::ui::toast;

#[derive(Clone, Copy)]
struct Log {
    endpoint: StoredValue<String>,
    known: RwSignal<Option<Result<Vec<WebhookDelivery>, Failure>>>,
}

impl Log {
    fn read(self) {
        let path = self.endpoint.with_value(|endpoint| format!("{endpoint}/deliveries?limit=20"));
        spawn_local(async move {
            let answer = http::get::<List<WebhookDelivery>>(&path).await.map(|list| list.data);
            let _ = self.known.try_set(Some(answer));
        });
    }
}

/// `endpoint`: its path.
pub fn log(endpoint: String) -> AnyView {
    let log = Log { endpoint: StoredValue::new(endpoint), known: RwSignal::new(None) };
    log.read();
    let again = Callback::new(move |()| log.read());
    let rows = changing(move || match log.known.get() {
        None => ().into_any(),
        Some(Err(failure)) => view! { <FailureNote failure on_retry=again /> }.into_any(),
        Some(Ok(all)) if all.is_empty() => {
            view! { <p class="quiet">"Nothing was sent in the last 30 days."</p> }.into_any()
        }
        Some(Ok(all)) => {
            let rows = all.into_iter().map(|delivery| row(delivery, log)).collect_view();
            view! { <ul class="webhook__log">{rows}</ul> }.into_any()
        }
    });
    view! {
        <div>
            {rows}
            <Button on_press=again>"Look again"</Button>
        </div>
    }
    .into_any()
}

fn row(delivery: WebhookDelivery, log: Log) -> AnyView {
    let last = delivery.attempts.last();
    let came_of_it = match (delivery.status, last) {
        (WebhookDeliveryStatus::Delivered, Some(last)) => format!("delivered in {} ms", last.took_ms),
        (WebhookDeliveryStatus::Delivered, None) => "delivered".to_owned(),
        (WebhookDeliveryStatus::Pending, None) => "on its way".to_owned(),
        (status, last) => {
            let why =
                last.and_then(|last| last.error.clone()).unwrap_or_else(|| "It was switched off before.".to_owned());
            let then = if status == WebhookDeliveryStatus::Pending { "tried again later" } else { "not delivered" };
            format!("{then}, {} attempts so far. {why}", delivery.attempts.len())
        }
    };
    let id = delivery.id;
    let resend = Callback::new(move |()| {
        let path = log.endpoint.with_value(|endpoint| format!("{endpoint}/deliveries/{id}/resend"));
        spawn_local(async move {
            match http::post_empty::<WebhookDelivery>(&path).await {
                Ok(_) => toast::show("It is sent once more", None),
                Err(failure) => toast::failure(&failure),
            }
            log.read();
        });
    });
    let label = Signal::stored(format!("Send {} once more", delivery.event_type.name()));
    view! {
        <li>
            <p>
                <code>{delivery.event_type.name()}</code>
                " "
                <Ago at=delivery.created_at />
                <span class="quiet">": " {came_of_it}</span>
            </p>
            <Button on_press=resend label>"Resend"</Button>
        </li>
    }
    .into_any()
}
