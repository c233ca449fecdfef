//! Posts one reading of the vendor: the difference between what the ledger has and where it must be, with status, notices
//! and events, in the caller's transaction. Asks no network, so that whoever tests it can stop it between any two steps.
use chrono::{DateTime, Utc};
use lapidary_contract::domain::Gems;
use lapidary_contract::domain::purchase::{Target, target};
use lapidary_contract::{NoticeKind, PurchaseStatus};
use sqlx::PgConnection;
use uuid::Uuid;

use super::post_queries::{self, Locked, News};
use super::reading::{Progress, Reading};
use crate::gems::ledger::{self, ClawedBack, Posting};
use crate::notices;

/// What was told to us, to be remembered in the transaction that posts it.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// `webhook` or `reconcile`
    pub by: &'static str,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Posted(Posted),
    /// A reading that was begun later has been posted.
    Overtaken,
    /// It is paid and its account belongs to nobody any more: the money must go back before anything is posted.
    Ownerless {
        payment_intent: Option<String>,
    },
    /// There is no such purchase.
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub purchase_id: Uuid,
    /// Who is told; nobody when the account belongs to nobody any more.
    pub person_id: Option<Uuid>,
    pub status: PurchaseStatus,
    /// Below zero when gems went.
    pub gems: Gems,
    pub has_changed: bool,
    /// Why a person has to look at it.
    pub trouble: Option<String>,
}

/// What the posting may rely on.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether our keys are live.
    pub is_live: bool,
    /// The money of a purchase without an owner was sent back.
    pub is_sent_back: bool,
}

pub async fn post(
    conn: &mut PgConnection,
    purchase_id: Uuid,
    ticket: i32,
    reading: &Reading,
    terms: Terms,
    heard: Option<Heard<'_>>,
    now: DateTime<Utc>,
) -> Result<Outcome, sqlx::Error> {
    let Some(before) = post_queries::lock(conn, purchase_id).await? else { return Ok(Outcome::Unknown) };
    if before.posted_reading > ticket {
        return Ok(Outcome::Overtaken);
    }
    let mut trouble = trouble_of(&before, reading, terms);
    let (mut is_paid, mut is_sent_back) = (reading.progress == Progress::Paid && trouble.is_none(), false);
    let was_credited = before.credited_gems > 0;
    let person_id = post_queries::owner(conn, before.account_id).await?;
    if is_paid && !was_credited && person_id.is_none() {
        if !terms.is_sent_back && reading.refunded + reading.disputed < reading.charged {
            return Ok(Outcome::Ownerless { payment_intent: reading.payment_intent.clone() });
        }
        trouble = Some("refunded: the account is gone".to_owned());
        (is_paid, is_sent_back) = (false, true);
    }
    let goal = target(before.gems, was_credited, reading.money(is_paid));
    let moved = move_gems(conn, &before, goal, now).await?;
    // What money still does to an account of nobody is nobody's: neither gems nor debt stay there.
    if person_id.is_none() && moved.gems != 0 {
        ledger::forfeit(conn, before.account_id, purchase_id, now).await?;
    }
    let status = status_of(&before, reading, goal, is_sent_back);
    let billing_email = reading.billing_email.as_deref().filter(|_| person_id.is_some());
    let after = After { status, goal, parts: moved.parts, trouble, billing_email, ticket, now };
    let has_changed = post_queries::write(conn, &before, reading, &after).await?;
    if let Some(heard) = heard {
        post_queries::remember(conn, heard, Some(purchase_id), now).await?;
    }
    if let Some(person_id) = person_id.filter(|_| has_changed) {
        for (kind, gems) in notices_of(&before, reading, status, &moved) {
            notices::add(conn, person_id, kind, Some(purchase_id), gems, ticket, now).await?;
        }
        if let Some(clawed_back) = moved.clawed_back {
            notices::gems_low_outside(conn, person_id, clawed_back.gems, clawed_back.taken, now).await?;
        }
        let news = News {
            is_paid: !was_credited && goal.credited > 0,
            refunded: (goal.credited > 0 && reading.refunded > before.refunded_amount).then_some(ticket),
        };
        post_queries::record_event(conn, person_id, purchase_id, news, now).await?;
    }
    let After { trouble, .. } = after;
    Ok(Outcome::Posted(Posted { purchase_id, person_id, status, gems: moved.gems, has_changed, trouble }))
}

/// What a purchase becomes.
pub(super) struct After<'a> {
    pub status: PurchaseStatus,
    pub goal: Target,
    pub parts: i32,
    pub trouble: Option<String>,
    /// Of nobody none is kept.
    pub billing_email: Option<&'a str>,
    pub ticket: i32,
    pub now: DateTime<Utc>,
}

/// What keeps a paid purchase from being credited: it would be another's money, or another sum. Once credited stays
/// credited.
fn trouble_of(before: &Locked, reading: &Reading, terms: Terms) -> Option<String> {
    if before.credited_gems > 0 {
        return None;
    }
    match reading.progress {
        Progress::Paid => {}
        Progress::NothingToPay => return Some("nothing was asked for, so nothing was paid".to_owned()),
        Progress::Open | Progress::Pending | Progress::Failed | Progress::Expired => return None,
    }
    if reading.is_live != terms.is_live {
        return Some("test money and live keys, or the other way round".to_owned());
    }
    if reading.reference.as_deref() != Some(before.id.to_string().as_str()) {
        return Some("the payment names another purchase".to_owned());
    }
    let currency = reading.currency.as_deref().unwrap_or_default();
    if currency != before.currency {
        return Some(format!("paid in {currency:?} instead of {:?}", before.currency));
    }
    if reading.amount != Some(before.amount) || reading.charged <= 0 {
        return Some(format!("paid {} instead of {}", reading.amount.unwrap_or(0), before.amount));
    }
    None
}

fn status_of(before: &Locked, reading: &Reading, goal: Target, is_sent_back: bool) -> PurchaseStatus {
    if goal.credited > 0 {
        return PurchaseStatus::Paid;
    }
    match reading.progress {
        Progress::Open => PurchaseStatus::Open,
        // The money is there and the gems are not: `paid` would promise them.
        Progress::Paid if !is_sent_back => PurchaseStatus::Pending,
        Progress::Pending => PurchaseStatus::Pending,
        Progress::Paid | Progress::Failed | Progress::NothingToPay => PurchaseStatus::Failed,
        // It failed before its page ran out.
        Progress::Expired if before.status == PurchaseStatus::Failed.name() => PurchaseStatus::Failed,
        Progress::Expired => PurchaseStatus::Expired,
    }
}

#[derive(Default)]
struct Moved {
    gems: Gems,
    parts: i32,
    /// What is owed after it, if this made it more.
    new_debt: Option<Gems>,
    clawed_back: Option<ClawedBack>,
}

async fn move_gems(
    conn: &mut PgConnection,
    before: &Locked,
    goal: Target,
    now: DateTime<Utc>,
) -> Result<Moved, sqlx::Error> {
    let mut moved = Moved { parts: before.parts, ..Moved::default() };
    let mut posting = |gems| {
        moved.parts += 1;
        Posting { account_id: before.account_id, purchase_id: before.id, part: moved.parts, gems }
    };
    let credit = goal.credited - before.credited_gems;
    if credit > 0 {
        ledger::purchase(conn, posting(credit), now).await?;
    }
    let claw_back = goal.clawed_back - before.clawed_back_gems;
    let mut clawed_back = None;
    if claw_back > 0 {
        clawed_back = Some(ledger::claw_back(conn, posting(claw_back), now).await?);
    } else if claw_back < 0 {
        ledger::restore(conn, posting(-claw_back), now).await?;
    }
    moved.gems = credit - claw_back;
    moved.new_debt = clawed_back.map(|it| it.owed).filter(|owed| *owed > 0);
    // What came and went at once was nobody's to miss.
    moved.clawed_back = clawed_back.filter(|_| credit <= 0);
    Ok(moved)
}

/// What its buyer should hear of without having asked. A payment that comes at once is seen on the page.
fn notices_of(
    before: &Locked,
    reading: &Reading,
    status: PurchaseStatus,
    moved: &Moved,
) -> Vec<(NoticeKind, Option<Gems>)> {
    let was_pending = before.status == PurchaseStatus::Pending.name();
    let gems = (moved.gems != 0).then_some(moved.gems.abs());
    let is_credited = status == PurchaseStatus::Paid;
    let all = [
        (is_credited && was_pending, NoticeKind::PurchasePaid, Some(before.gems)),
        (status == PurchaseStatus::Failed && was_pending, NoticeKind::PurchaseFailed, None),
        (is_credited && reading.refunded > before.refunded_amount, NoticeKind::Refunded, gems),
        (is_credited && reading.refunded < before.refunded_amount, NoticeKind::RefundFailed, gems),
        (is_credited && reading.disputed > before.disputed_amount, NoticeKind::DisputeOpened, gems),
        (is_credited && reading.disputed < before.disputed_amount, NoticeKind::DisputeWon, gems),
        (is_credited && reading.lost_disputes > before.lost_disputes, NoticeKind::DisputeLost, None),
        (moved.new_debt.is_some(), NoticeKind::Debt, moved.new_debt),
    ];
    all.into_iter().filter(|(is_so, ..)| *is_so).map(|(_, kind, gems)| (kind, gems)).collect()
}
