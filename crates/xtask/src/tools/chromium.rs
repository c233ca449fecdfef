//! Finding the Chromium that the journeys drive, or having the distribution install one.
use std::path::{Path, PathBuf};

use super::{apt_install, on_path};
use crate::failure::{Result, said};
use crate::say::Step;

const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const ON_MACOS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

pub fn prepare(step: &mut Step, log: &Path) -> Result<PathBuf> {
    if let Some(found) = find() {
        step.say(&format!("found {}", found.display()));
        return Ok(found);
    }
    if apt_install(step, "chromium", log)
        && let Some(found) = find()
    {
        step.done("installed");
        return Ok(found);
    }
    said("The journeys need a Chromium: install your system's package (chromium), or set CHROME to the program.")
}

fn find() -> Option<PathBuf> {
    let chosen = std::env::var_os("CHROME").map(PathBuf::from);
    let named = NAMES.iter().flat_map(|name| on_path(name));
    let places = chosen.into_iter().chain(named).chain(ON_MACOS.iter().map(PathBuf::from));
    places.into_iter().find(|program| program.is_file())
}
