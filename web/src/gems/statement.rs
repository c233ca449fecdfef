//! The statement: every movement of a gem in a line a child can read, newest first, read page by page.
use crate::ui::prelude::*;
use lapidary_contract::{List, LiveEvent, Transfer, TransferKind};
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::http;
use crate::live;
use crate::ui::button::Button;
use crate::ui::dynamic::changing;
use crate::ui::empty::Empty;
use crate::ui::failure::{Failure, FailureNote};
use crate::ui::icon::{Glyph, Icon};
use crate::ui::skeleton::Skeleton;
use crate::ui::time::{Moment, format_number};
use crate::ui::toast;

const PATH: &str = "/v1/gems/transfers";

#[derive(Clone, Copy)]
struct Reading {
    rows: RwSignal<Option<Vec<Transfer>>>,
    next: RwSignal<Option<String>>,
    failure: RwSignal<Option<Failure>>,
    is_busy: RwSignal<bool>,
}

impl Reading {
    /// Reads the newest page again and puts what is new before what is known.
    fn refresh(self) {
        self.failure.set(None);
        spawn_local(async move {
            match http::get::<List<Transfer>>(PATH).await {
                Ok(page) => self.take_newest(page),
                Err(failure) => self.failure.set(Some(failure)),
            }
        });
    }

    fn take_newest(self, page: List<Transfer>) {
        let Some(Some(known)) = self.rows.try_get_untracked() else {
            self.next.set(page.next_cursor);
            return self.rows.set(Some(page.data));
        };
        let overlaps = page.data.iter().any(|row| known.iter().any(|other| other.id == row.id));
        if !overlaps {
            // More came than one page holds: begin again rather than leave a gap.
            self.next.set(page.next_cursor);
            return self.rows.set(Some(page.data));
        }
        let mut rows: Vec<Transfer> =
            page.data.into_iter().filter(|row| known.iter().all(|other| other.id != row.id)).collect();
        rows.extend(known);
        self.rows.set(Some(rows));
    }

    fn more(self) {
        let Some(cursor) = self.next.get_untracked() else { return };
        self.is_busy.set(true);
        self.failure.set(None);
        spawn_local(async move {
            match http::get::<List<Transfer>>(&format!("{PATH}?cursor={}", browser::encode(&cursor))).await {
                Ok(page) => {
                    self.next.set(page.next_cursor);
                    self.rows.update(|rows| rows.get_or_insert_default().extend(page.data));
                }
                Err(failure) => self.failure.set(Some(failure)),
            }
            self.is_busy.set(false);
        });
    }
}

#[component]
pub fn Statement() -> AnyView {
    let reading = Reading {
        rows: RwSignal::new(None),
        next: RwSignal::new(None),
        failure: RwSignal::new(None),
        is_busy: RwSignal::new(false),
    };
    reading.refresh();
    live::on_event(move |event| match event {
        LiveEvent::GenerationChanged { .. }
        | LiveEvent::PurchaseChanged { .. }
        | LiveEvent::GemsChanged { .. }
        | LiveEvent::Reset => reading.refresh(),
        LiveEvent::ImageChanged { .. }
        | LiveEvent::NoticesChanged { .. }
        | LiveEvent::ArchiveChanged { .. }
        | LiveEvent::ExportChanged { .. }
        | LiveEvent::StatusChanged { .. } => {}
    });
    let rows = changing(move || {
        reading.rows.with(|rows| match rows {
            None if reading.failure.with(Option::is_some) => ().into_any(),
            None => waiting(),
            Some(rows) if rows.is_empty() => {
                view! { <Empty title="No movements yet" text="Each gem that comes or goes is written here, with its reason." /> }
                    .into_any()
            }
            Some(rows) => table(rows),
        })
    });
    let failure = changing(move || {
        let retry = Callback::new(move |()| {
            if reading.rows.with_untracked(Option::is_some) { reading.more() } else { reading.refresh() }
        });
        reading.failure.get().map(|failure| view! { <FailureNote failure on_retry=retry /> })
    });
    let more = move || {
        let press = Callback::new(move |()| reading.more());
        reading
            .next
            .with(Option::is_some)
            .then(|| view! { <Button busy=reading.is_busy on_press=press>"Show more"</Button> })
    };
    view! {
        <section class="statement" aria-labelledby="statement-title">
            <div class="titled">
                <h2 id="statement-title">"Statement"</h2>
                {download()}
            </div>
            {rows}
            {failure}
            {more}
        </section>
    }
    .into_any()
}

/// The whole statement as a file. A link could not carry who asks for it.
fn download() -> AnyView {
    let is_busy = RwSignal::new(false);
    let press = Callback::new(move |()| {
        is_busy.set(true);
        spawn_local(async move {
            let answer = http::blob(&format!("{PATH}?format=csv")).await;
            let _ = is_busy.try_set(false);
            match answer {
                Ok(file) => browser::save(&file, "lapidary-gems.csv"),
                Err(failure) => toast::failure(&failure),
            }
        });
    });
    view! {
        <Button busy=is_busy on_press=press label="Download the statement as CSV">
            <Icon glyph=Glyph::Download />
            "CSV"
        </Button>
    }
    .into_any()
}

fn waiting() -> AnyView {
    (0..4).map(|_| view! { <Skeleton class="statement__place" /> }).collect_view().into_any()
}

fn table(rows: &[Transfer]) -> AnyView {
    view! {
        <table class="ledger">
            <thead>
                <tr>
                    <th scope="col">"What"</th>
                    <th scope="col" class="ledger__when--column">"When"</th>
                    <th scope="col" class="ledger__number">"Gems"</th>
                    <th scope="col" class="ledger__number">"Left"</th>
                </tr>
            </thead>
            <tbody>{rows.iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

/// What happened, and why.
fn words(kind: TransferKind) -> (&'static str, &'static str) {
    match kind {
        TransferKind::Grant => ("Welcome gems", "To begin with"),
        TransferKind::Hold => ("Held", "For work that was asked for"),
        TransferKind::Capture => ("Used", "It was delivered"),
        TransferKind::Release => ("Given back", "It was not delivered"),
        TransferKind::Purchase => ("Bought", "Your payment arrived"),
        TransferKind::ClawBack => ("Taken back", "Their money was refunded or disputed"),
        TransferKind::Restore => ("Given again", "The money came back to us"),
        TransferKind::DebtSettlement => ("Settled", "They went to what you owed"),
        TransferKind::Redemption => ("From a code", "You redeemed it"),
        TransferKind::Adjustment => ("Adjusted", "By whoever runs this service"),
    }
}

fn row(transfer: &Transfer) -> AnyView {
    let (what, why) = words(transfer.kind);
    let change = match transfer.change {
        0 => format_number(0),
        change if change > 0 => format!("+{}", format_number(change)),
        change => format!("−{}", format_number(change.saturating_neg())),
    };
    let tone = match transfer.change {
        0 => "ledger__number is-still",
        change if change > 0 => "ledger__number is-more",
        _ => "ledger__number",
    };
    let kind = if transfer.is_free { "free" } else { "bought" };
    // What is used was held before: nothing goes from what is left.
    let kind = match transfer.change {
        0 => format!("{} held, {kind}", format_number(transfer.amount)),
        _ => kind.to_owned(),
    };
    view! {
        <tr>
            <td>
                <span class="ledger__what">{what}</span>
                <span class="ledger__why">{why}</span>
                <span class="ledger__when ledger__when--inline"><Moment at=transfer.created_at /></span>
                {transfer.about.clone().map(|about| view! { <span class="ledger__about" dir="auto">{about}</span> })}
            </td>
            <td class="ledger__when ledger__when--column"><Moment at=transfer.created_at /></td>
            <td class=tone>{change} <span class="ledger__kind">{kind}</span></td>
            <td class="ledger__number">{format_number(transfer.remaining_after)}</td>
        </tr>
    }
    .into_any()
}
