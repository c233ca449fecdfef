//! What builds the page: the WASM target, wasm-bindgen of the locked version, the splitter and wasm-opt, each in the
//! version that this page was built with.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{download, exact, folder, on_path, version_of};
use crate::cargo;
use crate::failure::{OnPath, Result, said};
use crate::process;
use crate::say::{Step, Steps};

/// Reads what the macros of the `wasm_split_helpers` in Cargo.lock leave in the program.
const SPLITTER: &str = "0.2.4";
const BINARYEN: &str = "132";
/// Older ones fail on what today's wasm-bindgen writes (Debian 12 ships 108).
const OLDEST_BINARYEN: u32 = 116;

/// How many steps [`prepare`] announces.
pub const STEPS: usize = 4;

#[derive(Debug)]
pub struct PageTools {
    pub splitter: PathBuf,
    pub wasm_bindgen: PathBuf,
    /// None when the page is built without it.
    pub wasm_opt: Option<PathBuf>,
}

pub fn prepare(steps: &mut Steps, log: &Path) -> Result<PageTools> {
    wasm_target(&mut steps.next("WASM target"), log)?;
    let version = cargo::locked_version("wasm-bindgen")?;
    let wanted = Wanted::wasm_bindgen(&version);
    let wasm_bindgen = crate_tool(&mut steps.next(&format!("wasm-bindgen {version}")), &wanted, log)?;
    let splitter = crate_tool(&mut steps.next(&format!("wasm-split {SPLITTER}")), &Wanted::splitter(), log)?;
    let wasm_opt = wasm_opt(&mut steps.next(&format!("wasm-opt {BINARYEN}")), log)?;
    Ok(PageTools { splitter, wasm_bindgen, wasm_opt })
}

fn wasm_target(step: &mut Step, log: &Path) -> Result<()> {
    let target = "wasm32-unknown-unknown";
    let sysroot = process::capture(Command::new("rustc").args(["--print", "sysroot"]).current_dir(cargo::root()))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(target).is_dir() {
        step.say("there");
        return Ok(());
    }
    step.say("not found; rustup adds it…");
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", target]).current_dir(cargo::root());
    match process::follow(&mut rustup, log, |_| step.progress("downloading")) {
        Ok(status) if status.success() => {
            step.done("added");
            Ok(())
        }
        Err(crate::failure::Failure::Interrupted) => Err(crate::failure::Failure::Interrupted),
        _ => said(format!(
            "Rust's target {target} is missing and rustup could not add it: `rustup target add {target}`."
        )),
    }
}

/// A program that a release archive or a crate gives us.
struct Wanted {
    program: &'static str,
    version: String,
    package: String,
    features: Option<&'static str>,
    locked: bool,
    minutes: u32,
    url: Option<String>,
    /// Whether it can be asked for its version; otherwise only the one we installed counts.
    tells_version: bool,
}

impl Wanted {
    fn splitter() -> Self {
        Self {
            program: "wasm-split-cli",
            version: SPLITTER.into(),
            package: format!("wasm_split_cli_support@{SPLITTER}"),
            features: Some("build-binary"),
            locked: true,
            minutes: 1,
            url: None,
            tells_version: false,
        }
    }

    fn wasm_bindgen(version: &str) -> Self {
        let base = "https://github.com/wasm-bindgen/wasm-bindgen/releases/download";
        let library = if cfg!(target_arch = "aarch64") { "gnu" } else { "musl" };
        let url =
            download::triple(library).map(|triple| format!("{base}/{version}/wasm-bindgen-{version}-{triple}.tar.gz"));
        Self {
            program: "wasm-bindgen",
            version: version.to_owned(),
            package: format!("wasm-bindgen-cli@{version}"),
            features: None,
            // Its own lock file does not hold together with this Rust.
            locked: false,
            minutes: 3,
            url,
            tells_version: true,
        }
    }

    fn find(&self) -> Result<Option<PathBuf>> {
        let own = self.own_folder()?;
        let mut places: Vec<PathBuf> = download::find(&own, self.program).into_iter().collect();
        if !self.tells_version {
            return Ok(places.pop());
        }
        places.extend(on_path(self.program));
        places.push(folder()?.join("bin").join(self.program));
        Ok(exact(places, &format!("{} {}", self.program, self.version)))
    }

    fn own_folder(&self) -> Result<PathBuf> {
        Ok(folder()?.join(format!("{}_{}", self.program, self.version.replace('.', "_"))))
    }
}

fn crate_tool(step: &mut Step, wanted: &Wanted, log: &Path) -> Result<PathBuf> {
    if let Some(found) = wanted.find()? {
        step.say(&format!("found {}", found.display()));
        return Ok(found);
    }
    let own = wanted.own_folder()?;
    step.say("not found");
    if let Some(url) = &wanted.url
        && download::unpack(step, url, &own, log)
        && let Some(found) = wanted.find()?
    {
        step.done("downloaded");
        return Ok(found);
    }
    step.say(&format!("compiling it, about {} minutes on two cores…", wanted.minutes));
    let build = own.with_extension("build");
    let mut install = cargo::cargo();
    install.args(["install", &wanted.package, "--force", "--root"]).arg(&own).env("CARGO_TARGET_DIR", &build);
    if let Some(features) = wanted.features {
        install.args(["--features", features]);
    }
    if wanted.locked {
        install.arg("--locked");
    }
    let installed = cargo::run(step, &format!("compiling {}", wanted.program), &mut install, log);
    let _ = std::fs::remove_dir_all(&build);
    installed?;
    step.done("compiled and installed");
    match wanted.find()? {
        Some(found) => Ok(found),
        None => said(format!("{} was installed into {} but does not answer.", wanted.package, own.display())),
    }
}

fn wasm_opt(step: &mut Step, log: &Path) -> Result<Option<PathBuf>> {
    let tools = folder()?;
    let home = tools.join(format!("binaryen_{BINARYEN}"));
    let answer = format!("wasm-opt version {BINARYEN} (version_{BINARYEN})");
    let find = || {
        let ours = [home.join("node_modules/.bin/wasm-opt")].into_iter().chain(download::find(&home, "wasm-opt"));
        exact(on_path("wasm-opt").into_iter().chain(ours), &answer)
    };
    if let Some(found) = find() {
        step.say(&format!("found {}", found.display()));
        return Ok(Some(found));
    }
    step.say("not found");
    if let Some(url) = binaryen_url()
        && download::unpack(step, &url, &home, log)
        && let Some(found) = find()
    {
        step.done("downloaded");
        return Ok(Some(found));
    }
    if !on_path("npm").is_empty()
        && npm_install(step, &home, log)?
        && let Some(found) = find()
    {
        step.done("installed by npm");
        return Ok(Some(found));
    }
    let other =
        on_path("wasm-opt").into_iter().find_map(|program| Some((program.clone(), usable(&version_of(&program)?)?)));
    match &other {
        Some((program, version)) => step.say(&format!("taking {} (version {version})", program.display())),
        None => step.say("not to be had: the page is built without it and grows by about a third"),
    }
    Ok(other.map(|(program, _)| program))
}

/// The version in `wasm-opt version 129 (version_129)`, when it is new enough.
fn usable(answer: &str) -> Option<String> {
    let version = answer.strip_prefix("wasm-opt version ")?.split(' ').next()?;
    (version.parse::<u32>().ok()? >= OLDEST_BINARYEN).then(|| version.to_owned())
}

fn binaryen_url() -> Option<String> {
    let base = format!("https://github.com/WebAssembly/binaryen/releases/download/version_{BINARYEN}");
    let arch = std::env::consts::ARCH;
    let platform = match std::env::consts::OS {
        "linux" => format!("{arch}-linux"),
        "macos" => format!("{}-macos", if arch == "aarch64" { "arm64" } else { arch }),
        _ => return None,
    };
    Some(format!("{base}/binaryen-version_{BINARYEN}-{platform}.tar.gz"))
}

fn npm_install(step: &mut Step, home: &Path, log: &Path) -> Result<bool> {
    step.say("npm installs binaryen into the tool folder…");
    std::fs::create_dir_all(home).on("create", home)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(home).arg(format!("binaryen@{BINARYEN}.0.0"));
    Ok(process::follow(&mut npm, log, |_| step.progress("downloading"))?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wasm_opt_of_debian_is_never_taken() {
        assert_eq!(usable("wasm-opt version 108"), None);
        assert_eq!(usable("wasm-opt version 129 (version_129)").as_deref(), Some("129"));
    }
}
