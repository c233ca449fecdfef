//! The statement and the statistics add up to the balance: page by page, as a file, by day on anybody's clock.
use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};
use lapidary_sandbox::faults::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{self, Answer, Person, TestApp};
use crate::ledger_rows::{actor, buy, give, made_at, refund, spend_bought};

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low"})
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// Everything that can be in a statement: granted, held, captured, released, bought, clawed back, owed and settled.
async fn eventful(app: &TestApp, person: &Person<'_>) {
    let me = actor(person).await;
    give(app, me, 200).await;
    person.make(&fox()).await;
    app.fault(Fault::once("openai", "moderation_blocked"));
    person.make(&fox()).await;
    let posting = buy(app, me, 400, app.app.clock.now()).await;
    spend_bought(app, me, 150).await;
    assert_eq!(refund(app, posting).await, 150, "what was spent is owed");
    buy(app, me, 400, app.app.clock.now()).await;
    give(app, me, 50).await;
    person.submit(&fox()).await.expect_status(202);
}

/// Many more rows, several of one moment, which change nothing in the end.
async fn long(app: &TestApp, person: &Person<'_>, pairs: i32) {
    let done = sqlx::query(
        "insert into gem_transfers (id, account_id, debit, credit, amount, kind, reference, created_at)
         select gen_random_uuid(), $1, s.debit, s.credit, 3, s.kind, gen_random_uuid(),
           now() - (n / 4) * interval '1 minute' - s.later * interval '1 second'
         from generate_series(1, $2) n,
           (values ('free', 'held_free', 'hold', 0), ('held_free', 'free', 'release', 1)) as s (debit, credit, kind, later)",
    )
    .bind(actor(person).await.account_id)
    .bind(pairs)
    .execute(&mut app.sql().await)
    .await;
    done.expect("rows");
}

async fn pages(person: &Person<'_>, limit: u32) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("/v1/gems/transfers?limit={limit}{cursor}")).await.expect_status(200).json();
        rows.extend(page["data"].as_array().expect("rows").clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// Lines of fields, as RFC 4180 says.
fn parsed(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quoted, letter) {
            (true, '"') if letters.peek() == Some(&'"') => field.extend(letters.next()),
            (_, '"') => quoted = !quoted,
            (false, ',') => line.push(std::mem::take(&mut field)),
            (false, '\r') if letters.peek() == Some(&'\n') => {
                letters.next();
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            (_, other) => field.push(other),
        }
    }
    assert!(line.is_empty() && field.is_empty() && !quoted, "it ends with a line");
    lines
}

async fn file(person: &Person<'_>) -> Vec<Vec<String>> {
    let answer = person.get("/v1/gems/transfers?format=csv").await.expect_status(200);
    assert!(answer.header("content-type").starts_with("text/csv"), "{:?}", answer.headers);
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"lapidary-gems-"));
    parsed(&String::from_utf8(answer.body).expect("UTF-8"))
}

#[actix_web::test]
async fn the_running_balance_ends_at_the_balance_shown_page_by_page_and_in_the_file() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    eventful(&app, &person).await;
    long(&app, &person, 1_300).await;
    let gems = person.gems().await;
    assert_eq!(number(&gems["debt"]), 0);
    let rows = pages(&person, 97).await;
    assert!(rows.len() > 2_610, "{}", rows.len());
    assert_eq!(rows[0]["remaining_after"], gems["remaining"], "the newest row says what is shown");
    for pair in rows.windows(2) {
        let before = number(&pair[0]["remaining_after"]) - number(&pair[0]["change"]);
        assert_eq!(number(&pair[1]["remaining_after"]), before, "{pair:?}");
    }
    let oldest = rows.last().expect("rows");
    assert_eq!(oldest["remaining_after"], oldest["change"], "it began with nothing");
    let kinds: std::collections::HashSet<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    for kind in ["grant", "hold", "capture", "release", "purchase", "claw_back", "debt_settlement"] {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
    let bought = rows.iter().find(|row| row["kind"] == "purchase").expect("a purchase");
    assert_eq!((bought["about"].as_str(), bought["is_free"].as_bool()), (Some("starter"), Some(false)));
    let mut file = file(&person).await;
    assert_eq!(file.remove(0)[..4], ["created_at", "kind", "change", "remaining_after"]);
    assert_eq!(file.len(), rows.len());
    for (line, row) in file.iter().zip(&rows) {
        let of_page = [&row["kind"], &row["change"], &row["remaining_after"], &row["amount"]]
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        assert_eq!((line[1..5].to_vec(), line[8].as_str()), (of_page.to_vec(), row["id"].as_str().expect("an id")));
    }
    app.work().await;
}

#[actix_web::test]
async fn a_prompt_that_looks_like_a_formula_is_harmless_in_the_file() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    let prompts =
        ["=HYPERLINK(\"http://x.test\",\"free gems\")", "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1:A9)", "\t=1+1", "a fox"];
    give(&app, actor(&person).await, 200).await;
    for prompt in prompts {
        person.submit(&json!({"prompt": prompt, "quality": "low"})).await.expect_status(202);
    }
    app.work().await;
    let abouts: Vec<String> =
        file(&person).await.into_iter().filter(|line| line[1] == "hold").map(|mut line| line.remove(6)).collect();
    assert_eq!(abouts.len(), prompts.len());
    for (about, prompt) in abouts.iter().rev().zip(prompts) {
        let kept = prompt.trim();
        assert!(about.ends_with(kept), "{about} of {prompt}");
        let is_text = about.starts_with('\'') || about.starts_with('a');
        assert!(is_text, "a spreadsheet would run {about}");
    }
}

#[actix_web::test]
async fn the_file_is_what_accept_asks_for_and_what_the_page_says_stays() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (accept, kind) in [
        ("text/csv", "text/csv"),
        ("text/csv, application/json;q=0.5", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("*/*", "application/json"),
        ("image/webp", "application/json"),
    ] {
        let request = person.request(Method::GET, "/v1/gems/transfers").header("Accept", accept);
        let answer = Answer::of(request.send().await).await.expect_status(200);
        assert!(answer.header("content-type").starts_with(kind), "{accept}: {:?}", answer.headers);
        assert!(answer.header("vary").to_lowercase().contains("accept"), "{:?}", answer.headers);
    }
    person.get("/v1/gems/transfers?format=xml").await.expect_problem(400, "malformed-request");
    let none = app.browser().get("/v1/gems/transfers?format=csv").await;
    none.expect_problem(401, "unauthenticated");
}

/// When clocks in Berlin are put on: 01:00 UTC on the last Sunday in March.
fn summer_time(year: i32) -> NaiveDate {
    let last = NaiveDate::from_ymd_opt(year, 3, 31).expect("a day");
    last.iter_days().rev().take(7).find(|day| day.weekday() == Weekday::Sun).expect("a Sunday")
}

/// The last change, within the last year whenever this runs.
fn last_summer_time(app: &TestApp) -> NaiveDate {
    let is_near = |day: NaiveDate| (-1..12).contains(&(summer_time(day.year()) - day).num_days());
    if is_near(app.app.clock.today()) {
        app.app.clock.advance(TimeDelta::days(14));
    }
    let today = app.app.clock.today();
    let this_year = summer_time(today.year());
    if this_year < today { this_year } else { summer_time(today.year() - 1) }
}

async fn statistics(person: &Person<'_>, query: &str) -> Value {
    person.get(&format!("/v1/gems/statistics{query}")).await.expect_status(200).json()
}

fn on(statistics: &Value, day: NaiveDate, member: &str) -> i64 {
    let days = statistics["days"].as_array().expect("days");
    number(&days.iter().find(|row| row["day"] == day.to_string()).expect("every day is there")[member])
}

fn sum(rows: &Value, member: &str) -> i64 {
    rows.as_array().expect("rows").iter().map(|row| number(&row[member])).sum()
}

#[actix_web::test]
async fn statistics_add_up_to_the_ledger_by_day_in_the_persons_zone_over_a_change_to_summer_time() {
    let app = harness::start().await;
    let sunday = last_summer_time(&app);
    let person = app.person("Ada Lovelace").await;
    let me = actor(&person).await;
    give(&app, me, 500).await;
    let at = |day: NaiveDate, h, m, s| day.and_hms_opt(h, m, s).expect("a time").and_utc();
    let (saturday, monday) = (sunday - Days::new(1), sunday + Days::new(1));
    // In Berlin that Sunday has 23 hours: from 23:00 UTC the day before to 22:00 UTC.
    made_at(&app, me, at(saturday, 22, 59, 59), "gpt-image-2", 5, 1).await;
    made_at(&app, me, at(saturday, 23, 0, 0), "gpt-image-2", 7, 2).await;
    made_at(&app, me, at(sunday, 21, 59, 59), "gpt-image-1-mini", 11, 3).await;
    made_at(&app, me, at(sunday, 22, 0, 0), "gpt-image-2", 13, 4).await;
    buy(&app, me, 400, at(sunday, 22, 30, 0)).await;
    person.make(&fox()).await;
    let refunded = buy(&app, me, 100, app.app.clock.now()).await;
    refund(&app, refunded).await;
    let gems = person.gems().await;
    for zone in ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"] {
        let said = statistics(&person, &format!("?days=366&time_zone={zone}")).await;
        assert_eq!(said["time_zone"], zone);
        assert_eq!(sum(&said["days"], "used"), number(&gems["used"]), "{zone}");
        assert_eq!(sum(&said["models"], "used"), number(&gems["used"]), "{zone}");
        assert_eq!(sum(&said["days"], "purchased"), number(&gems["purchased"]), "{zone}");
        assert_eq!((sum(&said["days"], "images"), sum(&said["models"], "images")), (11, 11), "{zone}");
        for member in ["used", "purchased", "remaining"] {
            assert_eq!(said[member], gems[member], "{zone}: {member}");
        }
        let days: Vec<NaiveDate> = said["days"]
            .as_array()
            .expect("days")
            .iter()
            .map(|row| row["day"].as_str().expect("a day").parse().expect("a date"))
            .collect();
        assert_eq!(days.len(), 366);
        assert!(
            days.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::days(1)),
            "every day is there once, in order"
        );
    }
    let berlin = statistics(&person, "?days=366&time_zone=Europe/Berlin").await;
    assert_eq!((on(&berlin, saturday, "used"), on(&berlin, sunday, "used"), on(&berlin, monday, "used")), (5, 47, 52));
    assert_eq!((on(&berlin, sunday, "images"), on(&berlin, monday, "purchased")), (5, 400));
    let utc = statistics(&person, "?days=366&time_zone=UTC").await;
    assert_eq!((on(&utc, saturday, "used"), on(&utc, sunday, "used"), on(&utc, monday, "used")), (19, 85, 0));
    let models: Vec<&str> =
        utc["models"].as_array().expect("models").iter().filter_map(|row| row["model"].as_str()).collect();
    assert_eq!(models[0], "gpt-image-2", "most gems first: {models:?}");
    let short = statistics(&person, "?days=1").await;
    assert_eq!((short["days"].as_array().map(Vec::len), short["time_zone"].as_str()), (Some(1), Some("UTC")));
    assert_eq!(sum(&short["days"], "used"), number(&gems["used"]) - 104, "only today's");
    assert_eq!(sum(&short["models"], "used"), number(&gems["used"]) - 104);
}

#[actix_web::test]
async fn statistics_of_no_days_or_no_zone_are_refused() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    for (query, pointer) in [
        ("?days=0", "?days"),
        ("?days=367", "?days"),
        ("?time_zone=Mars/Olympus", "?time_zone"),
        ("?time_zone=", "?time_zone"),
    ] {
        let problem = person.get(&format!("/v1/gems/statistics{query}")).await.expect_problem(422, "invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    person.get("/v1/gems/statistics?days=many").await.expect_problem(400, "malformed-request");
    let set = json!({"time_zone": "Asia/Kathmandu"});
    let put = person.request(Method::PUT, "/v1/gems/caps").json(&set);
    Answer::of(put.send().await).await.expect_status(200);
    let said = statistics(&person, "").await;
    assert_eq!((said["time_zone"].as_str(), said["days"].as_array().map(Vec::len)), (Some("Asia/Kathmandu"), Some(30)));
}
