//! The words of the privacy policy, made of the promises and the data map: one source for what is promised and what is read.
use crate::promises::data::categories;
use crate::promises::numbers::filled;
use crate::promises::words;

const BEGINNING: &str = "This is what Lapidary keeps about you, why, for how long, and what it never does. Each sentence under the promises is kept by code, and the page of promises shows when that was last seen.";
const OTHERS: &str = "Some of the work is done by others: whoever vouches for you when you sign in, the provider of the model you choose, the language model that suggests attributes, the provider of payments, and the storage of pictures. Each gets only what it needs. Their names and hosts differ from one installation to the next, so the page of promises lists those of this one.";
const YOURS: &str = "You can read, correct, download and delete what is kept about you, in your account and with the API. If something is not right, write to the address of support that stands on this page.";
const CHANGES: &str = "When this policy changes you are told what is different before you have to look for it, and earlier versions stay readable.";

/// As the newest version must have them.
pub fn privacy() -> String {
    let promises = words::ALL.iter().map(|it| format!("## {}\n\n{}\n\n", filled(it.title), it.text()));
    let kept = categories::ALL.iter().map(|it| {
        let [what, why, how_long] = [it.what, it.why, it.how_long].map(filled);
        format!("- {}: {what}. Why: {why}. How long: {how_long}.\n", it.name)
    });
    let (promises, kept): (String, String) = (promises.collect(), kept.collect());
    format!(
        "{BEGINNING}\n\n{promises}## What is kept\n\n{kept}\n## Who else gets something\n\n{OTHERS}\n\n## What you can \
         do\n\n{YOURS}\n\n## When this changes\n\n{CHANGES}\n"
    )
}
