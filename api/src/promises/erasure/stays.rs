//! What stays when everything else is gone, and why, in the words that people read before and after. Nothing here is a rule:
//! each sentence says what the code beside it does.
use lapidary_contract::{ErasedCount, ErasureKind, Stays};
use serde_json::Value;

const ACCOUNT: [(&str, &str); 6] = [
    (
        "The books: every movement of gems and every purchase, without a name, an address or an id of yours",
        "Payments must be kept for 7 years, and the books must still add up. The payment provider keeps its own record of \
         what was paid, as the law asks of it.",
    ),
    (
        "A keyed fingerprint of your e-mail address and of your sign-in at the provider",
        "Welcome gems are given once. It cannot be turned back into either.",
    ),
    (
        "What an operator once did about your account, without your id and without what they wrote about it",
        "Nobody may take back the trail of what operators do.",
    ),
    ("Random ids of your ended sessions and API keys, for an hour", "Access that was given out must stop everywhere."),
    (
        "Lines with random ids in the server's own log, and the operator's backups, until they are replaced",
        "They are needed to find and repair faults, and name nobody once this account is gone.",
    ),
    ("This receipt, for 30 days", "So that you can see that it is done. It leads to nobody."),
];

const IMAGES: [(&str, &str); 4] = [
    (
        "Your account, your gems and your collections, which are empty now",
        "Only the pictures and what belongs to them are erased.",
    ),
    (
        "What was asked for and what it cost: prompts, attributes and settings, as your statement lists them",
        "So that you can still see what your gems went to. They go with the account.",
    ),
    ("What is being made right now", "It was not there yet. Cancel it in the studio, or delete it in the gallery."),
    ("This receipt, for 30 days", "So that you can see that it is done. It leads to nobody."),
];

pub fn of(kind: ErasureKind) -> Vec<Stays> {
    let all: &[(&str, &str)] = match kind {
        ErasureKind::Account => &ACCOUNT,
        ErasureKind::Images => &IMAGES,
    };
    all.iter().map(|(what, why)| Stays { what: (*what).to_owned(), why: (*why).to_owned() }).collect()
}

/// `{"images": 3}`, in the order of names.
pub fn counts(known: &Value) -> Vec<ErasedCount> {
    let each = known.as_object().into_iter().flatten();
    each.filter_map(|(name, count)| {
        let count = count.as_i64().filter(|count| *count > 0)?;
        Some(ErasedCount { name: name.clone(), count })
    })
    .collect()
}
