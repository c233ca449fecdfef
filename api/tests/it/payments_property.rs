//! Thousands of stories of money: purchases, holds, captures, releases, refunds, disputes and what comes back of them, told
//! late, twice, in the wrong order or never, with crashes between any two steps. After each step every balance is what a
//! model of the rules says that knows nothing of the code; at the end the audit is clean.
//! `LAPIDARY_SEED` tells the same stories again.
use chrono::Utc;
use lapidary::gems::{audit, ledger};
use lapidary::payments::post::{self, Heard, Outcome, Terms};
use lapidary::payments::post_queries;
use lapidary::payments::reading::{Progress, Reading};
use lapidary_contract::domain::Hold;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::harness;
use crate::payments_model::{Dice, Model, Money, Payment};

const CASES: u64 = 2_400;
const THREADS: u64 = 3;

#[actix_web::test]
async fn whatever_happens_in_whatever_order_every_balance_is_what_the_rules_say() {
    let app = harness::start().await;
    let given = std::env::var("LAPIDARY_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(Uuid::now_v7().as_u64_pair().1);
    println!("LAPIDARY_SEED={seed}");
    let url = app.database_url.clone();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let url = url.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let mut sql = PgConnection::connect(&url).await.expect("a connection");
                    sqlx::query("set synchronous_commit = off").execute(&mut sql).await.expect("a setting");
                    let mut credited = 0;
                    for case in (0..CASES).filter(|case| case % THREADS == thread) {
                        credited += Story::begin(&mut sql, seed.wrapping_add(case)).await.tell(&mut sql).await;
                    }
                    credited
                })
            })
        })
        .collect();
    let credited: i64 = threads.into_iter().map(|thread| thread.join().expect("every story ends well")).sum();
    assert!(credited > 0, "nobody ever paid: the stories are dull");
    let faults = audit::audit(app.app.db.house()).await.expect("an audit");
    assert!(faults.is_empty(), "LAPIDARY_SEED={seed}: {faults:#?}");
}

/// A reading that was begun, and what it saw when it looked.
#[derive(Clone)]
struct Begun {
    purchase: usize,
    ticket: i32,
    seen: Option<Money>,
    event: String,
}

struct Work {
    generation: Uuid,
    hold: Hold,
    share: i64,
    count: i64,
}

struct Story {
    seed: u64,
    dice: Dice,
    person: Uuid,
    account: Uuid,
    model: Model,
    purchases: Vec<Uuid>,
    begun: Vec<Begun>,
    work: Vec<Work>,
    steps: Vec<String>,
}

impl Story {
    async fn begin(sql: &mut PgConnection, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (person, account) = (Uuid::now_v7(), Uuid::now_v7());
        for statement in [
            "insert into gem_accounts (id, created_at) values ($2, now()) returning $1::uuid",
            "insert into people (id, email, email_normalised, created_at) values ($1, 'a', 'a', now())
             returning $2::uuid",
            "insert into account_links (person_id, account_id) values ($1, $2)",
        ] {
            sqlx::query(statement).bind(person).bind(account).execute(&mut *sql).await.expect("a person");
        }
        let free = dice.below(120);
        ledger::grant(sql, account, account, free, Utc::now()).await.expect("welcome");
        Self {
            seed,
            dice,
            person,
            account,
            model: Model::new(free),
            purchases: Vec::new(),
            begun: Vec::new(),
            work: Vec::new(),
            steps: vec![format!("{free} free gems")],
        }
    }

    /// How many gems were credited in the end.
    async fn tell(mut self, sql: &mut PgConnection) -> i64 {
        for _ in 0..self.dice.between(8, 36) {
            match self.dice.below(20) {
                0 | 1 => self.buy(sql).await,
                2..=6 => self.let_money_move(),
                7 | 8 => self.begin_reading(sql).await,
                9 => self.look(),
                10..=13 => self.post(sql).await,
                14 | 15 => self.hold(sql).await,
                16..=18 => self.settle(sql).await,
                _ => self.leave(sql).await,
            }
            self.check(sql).await;
        }
        // The job reads everything once more, and all work ends.
        while !self.work.is_empty() {
            self.settle(sql).await;
        }
        for purchase in 0..self.purchases.len() {
            self.read_at_last(sql, purchase).await;
        }
        self.check(sql).await;
        self.check_whatever_the_order(sql).await;
        self.model.purchased
    }

    async fn buy(&mut self, sql: &mut PgConnection) {
        if self.purchases.len() >= 3 {
            return;
        }
        let (id, gems, amount) = (Uuid::now_v7(), self.dice.between(1, 400), self.dice.between(1, 999));
        sqlx::query(
            "insert into purchases (id, account_id, idempotency_key, fingerprint, request_id, pack, gems, amount, currency,
               catalogue_version, created_at, checkout_session)
             values ($1, $2, $1::text, '', '', 'pouch', $3, $4, 'usd', '', now(), 'cs_' || $1::text)",
        )
        .bind(id)
        .bind(self.account)
        .bind(gems)
        .bind(amount)
        .execute(sql)
        .await
        .expect("a purchase");
        self.steps.push(format!("purchase {} of {gems} gems for {amount}", self.purchases.len()));
        self.purchases.push(id);
        self.model.payments.push(Payment::new(gems, amount));
    }

    fn let_money_move(&mut self) {
        let Some(purchase) = self.dice.index(self.purchases.len()) else { return };
        let told = self.model.payments[purchase].move_money(&mut self.dice);
        self.steps.push(format!("purchase {purchase}: {told}"));
    }

    async fn begin_reading(&mut self, sql: &mut PgConnection) {
        let Some(purchase) = self.dice.index(self.purchases.len()) else { return };
        let ticket =
            post_queries::take_ticket(sql, self.purchases[purchase]).await.expect("a ticket").expect("known").number;
        self.steps.push(format!("purchase {purchase}: reading {ticket} begins"));
        let event = format!("evt_{}_{}", self.account, self.dice.below(6));
        self.begun.push(Begun { purchase, ticket, seen: None, event });
        // Mostly it looks at once.
        if self.dice.below(4) > 0 {
            let last = self.begun.len() - 1;
            self.look_at(last);
        }
    }

    fn look(&mut self) {
        if let Some(index) = self.dice.index(self.begun.len()) {
            self.look_at(index);
        }
    }

    fn look_at(&mut self, index: usize) {
        let begun = &mut self.begun[index];
        if begun.seen.is_none() {
            begun.seen = Some(self.model.payments[begun.purchase].money.clone());
            self.steps.push(format!("purchase {}: reading {} looks", begun.purchase, begun.ticket));
        }
    }

    /// Any reading that has looked: soon or late, once or again, before or after a newer one. Or its process dies.
    async fn post(&mut self, sql: &mut PgConnection) {
        let ready: Vec<usize> = (0..self.begun.len()).filter(|index| self.begun[*index].seen.is_some()).collect();
        let Some(chosen) = self.dice.index(ready.len()) else { return };
        let begun = self.begun[ready[chosen]].clone();
        let crashes = self.dice.below(6) == 0;
        if self.dice.below(3) > 0 {
            self.begun.remove(ready[chosen]);
        }
        self.post_one(sql, &begun, false, crashes).await;
    }

    async fn post_one(&mut self, sql: &mut PgConnection, begun: &Begun, is_sent_back: bool, crashes: bool) -> Outcome {
        let seen = begun.seen.as_ref().expect("it has looked");
        let id = self.purchases[begun.purchase];
        let heard = Heard { id: &begun.event, kind: "x", by: "webhook", created_at: Utc::now() };
        let terms = Terms { is_live: false, is_sent_back };
        let mut tx = sql.begin().await.expect("a transaction");
        let outcome = post::post(&mut tx, id, begun.ticket, &reading(id, seen), terms, Some(heard), Utc::now()).await;
        let outcome = outcome.unwrap_or_else(|error| self.fail(&format!("the posting: {error}")));
        self.steps.push(format!(
            "purchase {}: reading {} is posted: {outcome:?}{}",
            begun.purchase,
            begun.ticket,
            if crashes { ", and the process dies" } else { "" }
        ));
        if crashes || matches!(outcome, Outcome::Ownerless { .. }) {
            tx.rollback().await.expect("nothing happened");
        } else {
            tx.commit().await.expect("a commit");
            self.model.hear(begun.purchase, begun.ticket, seen);
        }
        outcome
    }

    /// As the job does: a new reading, and what belongs to nobody is sent back.
    async fn read_at_last(&mut self, sql: &mut PgConnection, purchase: usize) {
        for is_sent_back in [false, true] {
            let ticket = post_queries::take_ticket(&mut *sql, self.purchases[purchase]).await.expect("a ticket");
            let ticket = ticket.expect("known").number;
            let seen = Some(self.model.payments[purchase].money.clone());
            let begun = Begun { purchase, ticket, seen, event: format!("evt_{}_last", self.purchases[purchase]) };
            match self.post_one(sql, &begun, is_sent_back, false).await {
                Outcome::Ownerless { .. } if !is_sent_back => self.model.payments[purchase].send_back(),
                Outcome::Posted(_) => return,
                other => self.fail(&format!("the last reading: {other:?}")),
            }
        }
    }

    async fn hold(&mut self, sql: &mut PgConnection) {
        let (share, count) = (self.dice.between(1, 60), self.dice.between(1, 4));
        let (generation, crashes) = (Uuid::now_v7(), self.dice.below(8) == 0);
        let mut tx = sql.begin().await.expect("a transaction");
        let held = crate::ledger_rows::hold(&mut tx, self.account, share * count, generation, Utc::now()).await;
        let expected = if crashes { self.model.clone().hold(share * count) } else { self.model.hold(share * count) };
        let got = held.as_ref().map(|held| (held.hold.free, held.hold.bought));
        self.steps.push(format!("hold of {share} × {count}: {got:?}{}", if crashes { ", and a crash" } else { "" }));
        if got != expected {
            self.fail(&format!("held {got:?} instead of {expected:?}"));
        }
        let Some(held) = held.filter(|_| !crashes) else { return tx.rollback().await.expect("nothing happened") };
        sqlx::query(
            "insert into generations (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
               composed_prompt, attributes, model, width, height, quality, count, share_gems, held_free, held_bought,
               catalogue_version, available_at, created_at)
             values ($1, $2, $3, $1::text, '', '', 'queued', '', '', '[]', 'm', 1, 1, 'low', $4, $5, $6, $7, '', now(), now())",
        )
        .bind(generation)
        .bind(self.person)
        .bind(self.account)
        .bind(i32::try_from(count).expect("few"))
        .bind(share)
        .bind(held.hold.free)
        .bind(held.hold.bought)
        .execute(&mut *tx)
        .await
        .expect("a generation");
        tx.commit().await.expect("a commit");
        self.work.push(Work { generation, hold: held.hold, share, count });
    }

    async fn settle(&mut self, sql: &mut PgConnection) {
        let Some(index) = self.dice.index(self.work.len()) else { return };
        let (delivered, crashes) = (self.dice.between(0, self.work[index].count), self.dice.below(8) == 0);
        let (work, captured) = (&self.work[index], delivered * self.work[index].share);
        self.steps.push(format!(
            "{captured} of {:?} captured{}",
            work.hold,
            if crashes { ", and a crash" } else { "" }
        ));
        let mut tx = sql.begin().await.expect("a transaction");
        ledger::settle(&mut tx, self.account, work.hold, captured, work.generation, Utc::now()).await.expect("settled");
        sqlx::query(
            "update generations set status = 'succeeded', finished_at = now(), captured_gems = $2, erased_gems = $2
             where id = $1",
        )
        .bind(work.generation)
        .bind(captured)
        .execute(&mut *tx)
        .await
        .expect("a generation");
        if crashes {
            return tx.rollback().await.expect("nothing happened");
        }
        tx.commit().await.expect("a commit");
        self.model.settle((work.hold.free, work.hold.bought), captured);
        self.work.remove(index);
    }

    /// Rarely the person leaves: the account belongs to nobody from here on.
    async fn leave(&mut self, sql: &mut PgConnection) {
        if self.dice.below(6) > 0 || !self.model.has_owner {
            return;
        }
        sqlx::query("delete from account_links where account_id = $1")
            .bind(self.account)
            .execute(sql)
            .await
            .expect("gone");
        self.model.has_owner = false;
        self.steps.push("the person leaves".to_owned());
    }

    async fn check(&self, sql: &mut PgConnection) {
        let found: (i64, i64, i64, i64, i64, i64, i64) = sqlx::query_as(
            "select free, bought, held_free, held_bought, debt, used, purchased from gem_accounts where id = $1",
        )
        .bind(self.account)
        .fetch_one(sql)
        .await
        .expect("the account");
        if found != self.model.balance() {
            self.fail(&format!(
                "free, bought, held, held, debt, used, purchased: {found:?} not {:?}",
                self.model.balance()
            ));
        }
    }

    /// What was paid and went back decides alone, however it was told.
    async fn check_whatever_the_order(&self, sql: &mut PgConnection) {
        let mut worth = 0;
        for (id, payment) in self.purchases.iter().zip(&self.model.payments) {
            let (credited, clawed_back): (i64, i64) =
                sqlx::query_as("select credited_gems, clawed_back_gems from purchases where id = $1")
                    .bind(id)
                    .fetch_one(&mut *sql)
                    .await
                    .expect("the purchase");
            if (credited, clawed_back) != payment.worth() {
                self.fail(&format!("purchase of {payment:?}: {credited} − {clawed_back}, not {:?}", payment.worth()));
            }
            worth += credited - clawed_back;
        }
        let (free, bought, held_free, held_bought, debt, used, purchased) = self.model.balance();
        if purchased != worth || free + bought + held_free + held_bought - debt + used != self.model.granted + worth {
            self.fail(&format!("worth {worth}, purchased {purchased}"));
        }
    }

    fn fail(&self, why: &str) -> ! {
        panic!("LAPIDARY_SEED={} tells it first: {why}\n{}", self.seed, self.steps.join("\n"))
    }
}

/// What the vendor would show of this money.
fn reading(id: Uuid, money: &Money) -> Reading {
    Reading {
        session: format!("cs_{id}"),
        payment_intent: Some(format!("pi_{id}")),
        url: None,
        progress: match money.progress {
            "open" => Progress::Open,
            "pending" => Progress::Pending,
            "failed" => Progress::Failed,
            "expired" => Progress::Expired,
            "free" => Progress::NothingToPay,
            _ => Progress::Paid,
        },
        reference: Some(id.to_string()),
        currency: Some("usd".to_owned()),
        amount: Some(money.paid),
        is_live: false,
        charged: money.paid,
        refunded: money.refunds.iter().filter(|refund| refund.stands).map(|refund| refund.amount).sum(),
        disputed: money.disputes.iter().filter(|dispute| dispute.stands).map(|dispute| dispute.amount).sum(),
        lost_disputes: 0,
        billing_email: None,
        paid_at: None,
    }
}
