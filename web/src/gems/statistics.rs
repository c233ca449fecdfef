//! What was used in the last 30 days, day by day and by model: a drawing, and the same numbers as a table.
use crate::ui::prelude::*;
use futures_util::FutureExt;
use lapidary_contract::{DayOfGems, GemStatistics, LiveEvent, ModelOfGems, ProblemType};

use crate::asked::{Answer, Asked, shown};
use crate::browser;
use crate::http;
use crate::live;
use crate::session::use_session;
use crate::ui::dynamic::changing;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::{format_date, format_gems, format_number};

const DAYS: u32 = 30;
/// Units of the drawing: a day's width, its gap, the height of the bars, and the strip under them.
const STEP: i64 = 10;
const GAP: i64 = 2;
const HEIGHT: i64 = 100;
const STRIP: i64 = 4;

#[component]
pub fn Statistics() -> AnyView {
    let statistics = Asked::<GemStatistics>::new(|| read().boxed_local());
    live::on_event(move |event| match event {
        LiveEvent::GenerationChanged { generation, .. } if generation.status.is_final() => statistics.again(),
        LiveEvent::PurchaseChanged { .. } | LiveEvent::Reset => statistics.again(),
        LiveEvent::GenerationChanged { .. }
        | LiveEvent::ImageChanged { .. }
        | LiveEvent::GemsChanged { .. }
        | LiveEvent::NoticesChanged { .. }
        | LiveEvent::ArchiveChanged { .. }
        | LiveEvent::ExportChanged { .. }
        | LiveEvent::StatusChanged { .. } => {}
    });
    let chart = shown(statistics, || view! { <Skeleton class="chart__place" /> }.into_any(), known);
    view! {
        <section class="usage" aria-labelledby="usage-title">
            <h2 id="usage-title">"The last 30 days"</h2>
            {chart}
        </section>
    }
    .into_any()
}

/// Days as this browser has them; where the server does not know its zone, as the person's caps have them.
async fn read() -> Answer<GemStatistics> {
    let path = format!("/v1/gems/statistics?days={DAYS}");
    let answer = http::get(&format!("{path}&time_zone={}", browser::encode(&browser::time_zone()))).await;
    match answer {
        Err(failure) if failure.is(ProblemType::Invalid) => http::get(&path).await,
        answer => answer,
    }
}

/// The drawing in a sentence.
fn summary(days: &[DayOfGems]) -> String {
    let used = days.iter().map(|day| day.used).sum();
    match days.iter().max_by_key(|day| day.used) {
        Some(most) if most.used > 0 => {
            format!("{} used, most on {}: {}.", format_gems(used), format_date(most.day), format_number(most.used))
        }
        Some(_) | None => "No gems were used.".to_owned(),
    }
}

fn known(statistics: GemStatistics) -> AnyView {
    let summary = summary(&statistics.days);
    let in_all =
        format!("In all: {} used, {} bought.", format_number(statistics.used), format_number(statistics.purchased));
    view! {
        <p>{summary.clone()} " " <span class="quiet">{in_all}</span></p>
        {drawing(&statistics.days, summary)}
        {table(&statistics.days)}
        {by_model(statistics.models)}
    }
    .into_any()
}

fn drawing(days: &[DayOfGems], summary: String) -> AnyView {
    let most = days.iter().map(|day| day.used).max().unwrap_or(0);
    let width = STEP * i64::try_from(days.len()).unwrap_or(0);
    let bars = (0..).zip(days).map(|(at, day)| bar(at * STEP, day, most)).collect_view();
    let end = |day: Option<&DayOfGems>| day.map(|day| format_date(day.day));
    view! {
        <figure class="chart">
            <p class="chart__most" aria-hidden="true">{format_number(most)}</p>
            <svg
                class="chart__drawing"
                viewBox=format!("0 0 {width} {}", HEIGHT + STRIP + GAP)
                preserveAspectRatio="none"
                role="img"
                aria-label=format!("Gems used a day. {summary}")
            >
                {bars}
            </svg>
            <figcaption class="chart__ends" aria-hidden="true">
                <span>{end(days.first())}</span>
                <span class="chart__key chart__key--used">"Used"</span>
                <span class="chart__key chart__key--bought">"Bought"</span>
                <span>{end(days.last())}</span>
            </figcaption>
        </figure>
    }
    .into_any()
}

fn bar(x: i64, day: &DayOfGems, most: i64) -> AnyView {
    let height = if day.used > 0 { (day.used * HEIGHT / most.max(1)).max(1) } else { 0 };
    let bought = (day.purchased > 0).then(|| rect("chart__bought", x, HEIGHT + GAP, STRIP));
    let words = format!("{}: {} used, {} bought", format_date(day.day), day.used, day.purchased);
    view! {
        <g class="chart__day">
            <title>{words}</title>
            {rect("chart__space", x, 0, HEIGHT)}
            {rect("chart__used", x, HEIGHT - height, height)}
            {bought}
        </g>
    }
    .into_any()
}

fn rect(class: &'static str, x: i64, y: i64, height: i64) -> AnyView {
    let (x, y, height, width) = (x + GAP / 2, y.to_string(), height.to_string(), STEP - GAP);
    view! { <rect class=class x=x.to_string() y=y width=width.to_string() height=height></rect> }.into_any()
}

fn table(days: &[DayOfGems]) -> AnyView {
    let rows =
        days.iter().rev().map(|day| line(format_date(day.day), &[day.images, day.used, day.purchased])).collect_view();
    view! {
        <details class="numbers">
            <summary>"The same numbers as a table"</summary>
            <table class="ledger">
                <thead>
                    <tr>
                        <th scope="col">"Day"</th>
                        <th scope="col" class="ledger__number">"Pictures"</th>
                        <th scope="col" class="ledger__number">"Used"</th>
                        <th scope="col" class="ledger__number">"Bought"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </details>
    }
    .into_any()
}

fn line(name: String, numbers: &[i64]) -> AnyView {
    let number = |number: &i64| view! { <td class="ledger__number">{format_number(*number)}</td> }.into_any();
    view! { <tr><th scope="row">{name}</th>{numbers.iter().map(number).collect_view()}</tr> }.into_any()
}

fn by_model(models: Vec<ModelOfGems>) -> AnyView {
    if models.is_empty() {
        return ().into_any();
    }
    let catalogue = use_session().catalogue;
    let rows = changing(move || {
        catalogue.with(|known| {
            let name = |id: &str| match id {
                "refinement" => Some("Refinements".to_owned()),
                id => Some(known.as_ref()?.domain.model(id)?.name.clone()),
            };
            let row =
                |it: &ModelOfGems| line(name(&it.model).unwrap_or_else(|| it.model.clone()), &[it.images, it.used]);
            models.iter().map(row).collect_view()
        })
    });
    view! {
        <table class="ledger">
            <thead>
                <tr>
                    <th scope="col">"Model"</th>
                    <th scope="col" class="ledger__number">"Pictures"</th>
                    <th scope="col" class="ledger__number">"Used"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
