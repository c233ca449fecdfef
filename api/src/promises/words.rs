//! The fifteen promises in the service's own words. What is said here stands in the privacy policy too: other words need a
//! new version of it (`policy/versions.rs`), and a test says so.
use super::numbers::filled;

/// A promise without what was seen of it.
pub struct Words {
    pub id: &'static str,
    pub title: &'static str,
    text: &'static str,
    how_kept: &'static str,
}

impl Words {
    pub fn text(&self) -> String {
        filled(self.text)
    }

    pub fn how_kept(&self) -> String {
        filled(self.how_kept)
    }
}

pub const ALL: [Words; 15] = [
    Words {
        id: "P1",
        title: "Who you are",
        text: "You sign in with an account that you have elsewhere, such as GitHub or Google. We keep your e-mail address, your name and your picture if that account has them, and its id for you. We keep no password and none of the provider's tokens.",
        how_kept: "An account is found by the provider and its id for you, never by an e-mail address. The provider's answer is read once and its tokens are dropped with it. The database is looked at for columns that nobody has described.",
    },
    Words {
        id: "P2",
        title: "What you make is stored",
        text: "Your prompts, the attributes you choose, the pictures and what is known about them are stored for you, and the original bytes of a picture are never altered.",
        how_kept: "A picture is paid for only when it is in storage and yours. Once a day the storage is compared with the database, in both directions.",
    },
    Words {
        id: "P3",
        title: "Gems add up",
        text: "You see how many gems you have, how many you used and how many you bought, and every movement of a gem with its reason.",
        how_kept: "Balances are sums of a ledger that can only be added to. Once a day an audit proves each of them from its rows.",
    },
    Words {
        id: "P4",
        title: "A log of requests, for {log_days} days",
        text: "For debugging and for limits we log the time, the kind of call, its result, how long it took and what it cost. Never what you wrote, an address, a name or a token. The log is deleted after {log_days} days, and you can read your part of it.",
        how_kept: "Each day of the log is a table of its own, and a job drops it as a whole.",
    },
    Words {
        id: "P5",
        title: "Payments",
        text: "You pay at the payment provider's own page: card and bank details never reach us. We keep what you bought, when and for how much, refunds and disputes, the provider's ids, and the e-mail address you gave there.",
        how_kept: "The payment page is the provider's own site. Events are only hints: amounts are read again from the provider and compared every hour.",
    },
    Words {
        id: "P6",
        title: "Who draws the pictures",
        text: "Your prompt, and the pictures you make others from, go to the provider of the model you choose, because that provider makes the picture, and to nobody else who makes pictures.",
        how_kept: "Models are data: each names its provider, and one client sends to that address alone. Pictures say in their metadata that a machine made them.",
    },
    Words {
        id: "P7",
        title: "Kept apart, and encrypted",
        text: "What is yours is kept apart from everybody else's by the database itself. Connections are encrypted, pictures are encrypted in storage, and keys and secrets are sealed.",
        how_kept: "Row-level security decides what a signed-in request can see, and a stranger is tried against every table. A remote database without verified encryption is refused. The storage is asked whether it encrypts. Signing keys change every {key_days} days. How the database's disk is encrypted is the operator's word, and is marked as such.",
    },
    Words {
        id: "P8",
        title: "Gone means gone",
        text: "When you remove your account, everything that leads to you is erased: pictures, prompts, uploads, previews, exports, sessions, keys, webhooks, presets, the log and your profile, in every version that storage keeps. What the books need stays without your name, and a receipt says what went, what stays and why.",
        how_kept: "A job erases step by step and goes on after any interruption until nothing is left. Storage is swept for what belongs to nobody.",
    },
    Words {
        id: "P9",
        title: "Your pictures are private",
        text: "Pictures lie in a private storage, in a folder of your own. Links to them are signed, live {link_days} days at most and are never stored. Links you share end when you say so.",
        how_kept: "Links are computed when you look. Whoever comes without a signature is refused, which is tried. Jobs clear away what expired.",
    },
    Words {
        id: "P10",
        title: "Kept no longer than said",
        text: "Your account and your pictures stay until you delete them; what you delete rests in the trash for {trash_days} days. Records of payments stay for {payment_years} years. The log of requests stays for {log_days} days.",
        how_kept: "Jobs delete what is over, and each leaves a dated trace that is shown here.",
    },
    Words {
        id: "P11",
        title: "No tracking",
        text: "No tracking, no analytics, no advertising, and nothing from third parties: no script, no font, no pixel. There are two cookies at most, both ours and neither readable by scripts: one for your session, and one that ties an attempt to sign in to this browser for {sign_in_minutes} minutes.",
        how_kept: "The page's own security policy lets the browser talk to this server and to the picture storage, and to nobody else.",
    },
    Words {
        id: "P12",
        title: "Not for children under {age}",
        text: "You say once that you are {age} or older, and until then nothing can be made. Who says to be younger is erased at once; who does not answer is erased after {unconfirmed_hours} hours.",
        how_kept: "Every route but the question and signing out is closed before it. A job erases who did not answer.",
    },
    Words {
        id: "P13",
        title: "You hear of changes",
        text: "When this policy or the terms change, you are told what is different and asked to say that you have read it. Earlier versions stay readable.",
        how_kept: "Words cannot change without a new version. A job tells everybody once, and what you have read is stored with its date.",
    },
    Words {
        id: "P14",
        title: "Limits, and no abuse",
        text: "So that it works for everybody there are limits on how often anyone may ask and on how much runs at once. Meeting one costs nothing. Prompts that would hurt people are refused without charge, and accounts that abuse the service are suspended: who signs in to one reads so, and whom to write to.",
        how_kept: "Limits are counted exactly, over all processes where gems are spent. Refusals again and again raise a flag that a person looks at.",
    },
    Words {
        id: "P15",
        title: "Somebody answers",
        text: "Every answer and every failure has an id that you can look up yourself and send to us. The address of support stands on every failure, on this page and on receipts.",
        how_kept: "A server that others can reach does not start without an address of support.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_in_order_and_each_is_said_in_whole_sentences() {
        for (number, words) in ALL.iter().enumerate() {
            assert_eq!(words.id, format!("P{}", number + 1));
            for text in [words.text(), words.how_kept()] {
                assert!(text.ends_with('.') && !text.contains(['{', '}', '!']), "{}: {text}", words.id);
            }
            assert!(!filled(words.title).contains(['{', '}', '!', '.']), "{}", words.id);
        }
    }
}
