//! Notices: told live, read once, hidden from others; and low gems are told once.
use lapidary::notices;
use lapidary_contract::NoticeKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{self, Person, TestApp};
use crate::ledger_rows::{actor, give, made_at};
use crate::sse::Events;

pub async fn tell(app: &TestApp, person: &Person<'_>, kind: NoticeKind, subject: Uuid, gems: i64, part: i32) {
    let me = actor(person).await;
    let mut tx = app.app.db.begin_house().await.expect("a transaction");
    let now = app.app.clock.now();
    notices::add(&mut tx, me.person_id, kind, Some(subject), Some(gems), part, now).await.expect("told");
    tx.commit().await.expect("committed");
    app.app.live.nudge(me.person_id);
}

async fn list(person: &Person<'_>) -> Vec<Value> {
    let list = person.get("/v1/me/notices").await.expect_status(200).json();
    list["data"].as_array().expect("notices").clone()
}

async fn read(person: &Person<'_>, id: &Value) -> harness::Answer {
    person.post(&format!("/v1/me/notices/{}/read", id.as_str().expect("an id")), &json!({})).await
}

#[actix_web::test]
async fn a_notice_is_told_live_read_once_and_hidden_from_others() {
    let app = harness::start().await;
    let (person, stranger) = (app.person("Ada Lovelace").await, app.person("Grace Hopper").await);
    let mut stream = Events::open(&person, "/v1/events", None).await;
    let subject = Uuid::now_v7();
    tell(&app, &person, NoticeKind::Refunded, subject, 120, 1).await;
    let told = stream.until(|event| event.is("notices_changed")).await;
    assert_eq!(told.data["unread"], 1);
    tell(&app, &person, NoticeKind::Refunded, subject, 120, 1).await;
    tell(&app, &person, NoticeKind::Debt, subject, 1, 1).await;
    let told = stream.until(|event| event.is("notices_changed")).await;
    assert_eq!(told.data["unread"], 2, "the same one is not told again");
    let all = list(&person).await;
    assert_eq!(all.len(), 2);
    let [debt, refund] = [&all[0], &all[1]];
    assert_eq!((&debt["kind"], &refund["kind"]), (&json!("debt"), &json!("refunded")), "newest first");
    assert_eq!(refund["message"], "A payment was refunded. Its share of 120 gems went with it.");
    assert!(debt["message"].as_str().expect("words").contains("You owe 1 gem:"), "{debt}");
    assert_eq!((&refund["gems"], &refund["subject"], &refund["read_at"]), (&json!(120), &json!(subject), &Value::Null));
    assert_eq!(list(&stranger).await, Vec::<Value>::new());
    read(&stranger, &refund["id"]).await.expect_problem(404, "not-found");
    assert_eq!(list(&person).await, all, "a stranger reads nothing for others");
    read(&person, &refund["id"]).await.expect_status(204);
    let told = stream.until(|event| event.is("notices_changed")).await;
    assert_eq!(told.data["unread"], 1);
    let once = list(&person).await;
    assert!(once[1]["read_at"].is_string() && once[0]["read_at"].is_null());
    app.app.clock.advance(chrono::TimeDelta::seconds(5));
    read(&person, &refund["id"]).await.expect_status(204);
    assert_eq!(list(&person).await, once, "reading it again changes nothing");
    read(&person, &json!(Uuid::now_v7())).await.expect_problem(404, "not-found");
    let page = person.get("/v1/me/notices?limit=1").await.json();
    assert_eq!(page["data"][0]["id"], debt["id"]);
    let next = page["next_cursor"].as_str().expect("a cursor");
    let page = person.get(&format!("/v1/me/notices?limit=1&cursor={next}")).await.json();
    assert_eq!((&page["data"][0]["id"], &page["next_cursor"]), (&refund["id"], &Value::Null));
    assert_eq!(app.browser().get("/v1/me/notices").await.status, 401);
}

fn fox() -> Value {
    json!({"prompt": "A fox crossing a frozen river", "quality": "low"})
}

/// Leaves this many gems.
async fn leave(app: &TestApp, person: &Person<'_>, gems: i64) {
    let spent = person.remaining().await - gems;
    made_at(app, actor(person).await, app.app.clock.now(), "gpt-image-2", spent, 1).await;
}

#[actix_web::test]
async fn low_gems_are_told_once() {
    let app = harness::start().await;
    let person = app.person("Ada Lovelace").await;
    give(&app, actor(&person).await, 500).await;
    let price = person.post("/v1/quotes", &fox()).await.json()["price_gems"].as_i64().expect("a price");
    leave(&app, &person, price + 20).await;
    person.make(&fox()).await;
    assert_eq!(list(&person).await.len(), 0, "twenty are not low");
    give(&app, actor(&person).await, price - 1).await;
    let mut stream = Events::open(&person, "/v1/events", None).await;
    person.submit(&fox()).await.expect_status(202);
    assert_eq!(list(&person).await.len(), 0, "what is held is not gone");
    app.work().await;
    assert_eq!(stream.until(|event| event.is("notices_changed")).await.data["unread"], 1);
    let told = list(&person).await;
    assert_eq!((told.len(), &told[0]["kind"], &told[0]["gems"]), (1, &json!("gems_low"), &json!(19)));
    assert_eq!(told[0]["message"], "You have 19 gems left.");
    person.make(&fox()).await;
    // Up and down again, and still nobody has looked.
    give(&app, actor(&person).await, price).await;
    person.make(&fox()).await;
    assert_eq!(list(&person).await, told, "once");
    read(&person, &told[0]["id"]).await.expect_status(204);
    person.make(&fox()).await;
    assert_eq!(list(&person).await.len(), 1, "low before and after is nothing new");
    give(&app, actor(&person).await, 100).await;
    leave(&app, &person, price + 19).await;
    assert_eq!(person.make(&fox()).await["status"], "succeeded");
    let again = list(&person).await;
    assert_eq!((again.len(), &again[0]["gems"], again[0]["read_at"].is_null()), (2, &json!(19), true));
}
