//! Who runs PostgreSQL: it refuses root, so root lends it the user `postgres`, or else `nobody`.
//! Also where its files may lie, since that user must be able to walk there.
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;

/// In a place elsewhere: the folder it serves.
const OWNER: &str = "serves.txt";

/// The user that runs the server when we are root.
#[derive(Clone, Debug)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// `None` when we are not root and everything simply runs as ourselves.
    pub(super) fn needed() -> Result<Option<Self>, Error> {
        let id = Command::new("id").arg("-u").output()?;
        if String::from_utf8_lossy(&id.stdout).trim() != "0" {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let account = ["postgres", "nobody"].iter().find_map(|name| Self::parse(&users, name));
        account.map(Some).ok_or_else(|| {
            Error::Failed(
                "PostgreSQL refuses to run as root, and this machine has neither `postgres` nor `nobody`.".into(),
            )
        })
    }

    fn parse(users: &str, name: &str) -> Option<Self> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        let uid = fields.next()?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { name: name.into(), uid, gid })
    }

    pub(super) fn ids(&self) -> (u32, u32) {
        (self.uid, self.gid)
    }

    pub(super) fn run_as(account: Option<&Self>, command: &mut Command) {
        // The present folder may be closed to the account, and initdb complains about that.
        command.current_dir("/");
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid).env("HOME", "/").env_remove("USER");
        }
    }

    /// Gives `path` to the account.
    pub(super) fn own(account: Option<&Self>, path: &Path) -> std::io::Result<()> {
        match account {
            Some(account) => chown(path, Some(account.uid), Some(account.gid)),
            None => Ok(()),
        }
    }

    fn can_use(&self, folder: &Path) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", r#"cd "$1" && test -w ."#, "sh"]).arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
        Self::run_as(Some(self), &mut command);
        command.status().is_ok_and(|status| status.success())
    }
}

/// The folder for the server's files: inside `folder`, or elsewhere when the account cannot walk there.
/// `folder` then holds a note with the place, so that removing `folder` really starts over.
pub(super) fn place(folder: &Path, account: Option<&Account>) -> Result<PathBuf, Error> {
    let inside = folder.join("server");
    let Some(account) = account else {
        std::fs::create_dir_all(&inside)?;
        return Ok(inside);
    };
    let note = folder.join("server-is-at.txt");
    if let Ok(place) = std::fs::read_to_string(&note) {
        let place = PathBuf::from(place.trim());
        if account.can_use(&place) {
            return Ok(place);
        }
    }
    prepare(&inside, account)?;
    if account.can_use(&inside) {
        return Ok(inside);
    }
    std::fs::remove_dir(&inside)?;
    let name = format!("postgres-{}", uuid::Uuid::now_v7().simple());
    for parent in [PathBuf::from("/var/lib/lapidary-sandbox"), std::env::temp_dir()] {
        forget_the_past_of(folder, &parent);
        let elsewhere = parent.join(&name);
        if open_to_all(&parent).is_ok() && prepare(&elsewhere, account).is_ok() && account.can_use(&elsewhere) {
            tracing::warn!(
                "user {} cannot reach {}: PostgreSQL keeps its files in {}",
                account.name,
                folder.display(),
                elsewhere.display()
            );
            std::fs::write(elsewhere.join(OWNER), format!("{}\n", folder.display()))?;
            std::fs::write(&note, format!("{}\n", elsewhere.display()))?;
            return Ok(elsewhere);
        }
    }
    Err(Error::Failed(format!(
        "User {} cannot reach {}; choose a data folder that is not below a closed one.",
        account.name,
        folder.display()
    )))
}

/// Places that served this very folder before it was removed and made anew: nothing points at them any more.
fn forget_the_past_of(folder: &Path, parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with("postgres-")
            && std::fs::read_to_string(entry.path().join(OWNER)).is_ok_and(|owner| Path::new(owner.trim()) == folder);
        if ours && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!("{} could not be removed: {error}", entry.path().display());
        }
    }
}

fn open_to_all(parent: &Path) -> std::io::Result<()> {
    if parent.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(parent)?;
    std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o755))
}

fn prepare(folder: &Path, account: &Account) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    Account::own(Some(account), folder)
}
