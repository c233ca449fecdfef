//! The campaign: the main job under every fault at once, and at the end nothing is lost. `cargo xtask campaign` runs the
//! long version and `cargo xtask soak` the quiet one; the short version runs with the other tests. Same seed, same blows,
//! as far as real processes allow.
#[path = "campaign/chance.rs"]
mod chance;
#[path = "campaign/chaos.rs"]
mod chaos;
#[path = "campaign/follower.rs"]
mod follower;
#[path = "campaign/maker.rs"]
mod maker;
#[path = "campaign/objects.rs"]
mod objects;
#[path = "campaign/person.rs"]
mod person;
#[path = "campaign/process.rs"]
mod process;
#[path = "campaign/run.rs"]
mod run;
#[path = "campaign/soak.rs"]
mod soak;
#[path = "campaign/stage.rs"]
mod stage;
#[path = "campaign/tally.rs"]
mod tally;
#[path = "campaign/truth.rs"]
mod truth;
