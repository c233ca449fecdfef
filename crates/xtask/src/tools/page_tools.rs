//! What builds the page: the WASM target, Trunk, wasm-bindgen of the locked version, wasm-opt. Trunk takes a tool only
//! in the exact version it is told, so these are linked into one folder that stands first on its PATH.
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{download, exact, folder, on_path, version_of};
use crate::cargo;
use crate::failure::{OnPath, Result, said};
use crate::process;
use crate::say::{Step, Steps};

const TRUNK: &str = "0.21.14";
const BINARYEN: &str = "132";
/// Older ones fail on what today's wasm-bindgen writes (Debian 12 ships 108).
const OLDEST_BINARYEN: u32 = 116;

/// How many steps [`prepare`] announces.
pub const STEPS: usize = 4;

pub struct PageTools {
    pub trunk: PathBuf,
    /// To stand first on PATH.
    pub links: PathBuf,
    /// What Trunk is told to expect, `version_132`; none when the page is built without it.
    pub wasm_opt: Option<String>,
}

pub fn prepare(steps: &mut Steps, log: &Path) -> Result<PageTools> {
    wasm_target(&mut steps.next("WASM target"), log)?;
    let trunk = crate_tool(&mut steps.next(&format!("Trunk {TRUNK}")), &Wanted::trunk(), log)?;
    let version = cargo::locked_version("wasm-bindgen")?;
    let wanted = Wanted::wasm_bindgen(&version);
    let wasm_bindgen = crate_tool(&mut steps.next(&format!("wasm-bindgen {version}")), &wanted, log)?;
    let wasm_opt = wasm_opt(&mut steps.next(&format!("wasm-opt {BINARYEN}")), log)?;
    let links = folder()?.join("page");
    std::fs::create_dir_all(&links).on("create", &links)?;
    link(&wasm_bindgen, &links.join("wasm-bindgen"))?;
    if let Some((program, _)) = &wasm_opt {
        link(program, &links.join("wasm-opt"))?;
    }
    Ok(PageTools { trunk, links, wasm_opt: wasm_opt.map(|(_, version)| format!("version_{version}")) })
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
    locked: bool,
    minutes: u32,
    url: Option<String>,
}

impl Wanted {
    fn trunk() -> Self {
        let base = format!("https://github.com/trunk-rs/trunk/releases/download/v{TRUNK}/trunk");
        Self {
            program: "trunk",
            version: TRUNK.into(),
            package: format!("trunk@{TRUNK}"),
            locked: true,
            minutes: 15,
            url: download::triple("gnu").map(|triple| format!("{base}-{triple}.tar.gz")),
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
            // Its own lock file does not hold together with this Rust.
            locked: false,
            minutes: 3,
            url,
        }
    }

    fn find(&self) -> Result<Option<PathBuf>> {
        let tools = folder()?;
        let mut places = on_path(self.program);
        places.push(tools.join("bin").join(self.program));
        places.extend(download::find(&self.unpacked(&tools), self.program));
        Ok(exact(places, &format!("{} {}", self.program, self.version)))
    }

    fn unpacked(&self, tools: &Path) -> PathBuf {
        tools.join(format!("{}_{}", self.program, self.version.replace('.', "_")))
    }
}

fn crate_tool(step: &mut Step, wanted: &Wanted, log: &Path) -> Result<PathBuf> {
    if let Some(found) = wanted.find()? {
        step.say(&format!("found {}", found.display()));
        return Ok(found);
    }
    let tools = folder()?;
    step.say("not found");
    if let Some(url) = &wanted.url
        && download::unpack(step, url, &wanted.unpacked(&tools), log)
        && let Some(found) = wanted.find()?
    {
        step.done("downloaded");
        return Ok(found);
    }
    step.say(&format!("compiling it, about {} minutes on two cores…", wanted.minutes));
    let build = tools.join("build");
    let mut install = cargo::cargo();
    install.args(["install", &wanted.package, "--force", "--root"]).arg(&tools).env("CARGO_TARGET_DIR", &build);
    if wanted.locked {
        install.arg("--locked");
    }
    let installed = cargo::run(step, &format!("compiling {}", wanted.program), &mut install, log);
    let _ = std::fs::remove_dir_all(&build);
    installed?;
    step.done("compiled and installed");
    match wanted.find()? {
        Some(found) => Ok(found),
        None => said(format!("{} was installed into {} but does not answer.", wanted.package, tools.display())),
    }
}

fn wasm_opt(step: &mut Step, log: &Path) -> Result<Option<(PathBuf, String)>> {
    let tools = folder()?;
    let home = tools.join(format!("binaryen_{BINARYEN}"));
    let answer = format!("wasm-opt version {BINARYEN} (version_{BINARYEN})");
    let find = || {
        let ours = [home.join("node_modules/.bin/wasm-opt")].into_iter().chain(download::find(&home, "wasm-opt"));
        exact(on_path("wasm-opt").into_iter().chain(ours), &answer).map(|program| (program, BINARYEN.to_owned()))
    };
    if let Some(found) = find() {
        step.say(&format!("found {}", found.0.display()));
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
    Ok(other)
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

fn link(program: &Path, name: &Path) -> Result<()> {
    let _ = std::fs::remove_file(name);
    std::os::unix::fs::symlink(program, name).on("create", name)
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
