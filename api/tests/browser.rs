//! Journeys in Chromium against the built page, the real server and the sandbox's vendors. A file per subject.
//! Needs CHROME or `chromium` on PATH, and the built page in PAGE_DIR or web/dist; fails without them, never skips.
#[path = "browser/account.rs"]
mod account;
#[path = "browser/callers.rs"]
mod callers;
#[path = "browser/cdp.rs"]
mod cdp;
#[path = "browser/chrome.rs"]
mod chrome;
#[path = "browser/edits.rs"]
mod edits;
#[path = "browser/every_page.rs"]
mod every_page;
#[path = "browser/gallery.rs"]
mod gallery;
#[expect(dead_code, reason = "the harness of the API's tests; a journey needs a part of it")]
#[path = "it/harness.rs"]
mod harness;
#[path = "browser/keyboard.rs"]
mod keyboard;
#[path = "browser/leaving.rs"]
mod leaving;
#[expect(dead_code, reason = "the logs of the API's tests; a journey needs a part of it")]
#[path = "it/logs.rs"]
mod logs;
#[path = "browser/main_job.rs"]
mod main_job;
#[path = "browser/origins.rs"]
mod origins;
#[path = "browser/payments.rs"]
mod payments;
#[path = "browser/promises.rs"]
mod promises;
#[path = "browser/stage.rs"]
mod stage;
#[path = "browser/studio.rs"]
mod studio;
#[path = "browser/tab.rs"]
mod tab;
#[path = "browser/tabs.rs"]
mod tabs;
#[path = "browser/tasks.rs"]
mod tasks;
#[path = "browser/waiting.rs"]
mod waiting;
#[expect(dead_code, reason = "the receiver of the API's tests; a journey needs a part of it")]
#[path = "it/webhook_receiver.rs"]
mod webhook_receiver;
#[path = "browser/whole.rs"]
mod whole;
