//! No file, folder or type is named by a word that says nothing about the product.
use super::Complaints;
use super::tree::{SourceFile, Tree, words};

const BANNED: [&str; 6] = ["util", "helper", "manager", "common", "service", "misc"];
/// Names that are not ours to choose, as `path` or `path: Type`.
const ALLOWED: [&str; 0] = [];

pub fn check(tree: &Tree) -> Complaints {
    tree.files.iter().flat_map(|file| [of_path(file), of_types(file)].concat()).collect()
}

fn of_path(file: &SourceFile) -> Complaints {
    let parts = file.path.split(['/', '.', '_', '-']).map(str::to_lowercase);
    let bad: Vec<String> = parts.filter(|part| is_banned(part)).collect();
    if bad.is_empty() || ALLOWED.contains(&file.path.as_str()) {
        return Vec::new();
    }
    vec![file.at(1, &format!("`{}` in a name says nothing: name it after what it is.", bad.join("`, `")))]
}

fn of_types(file: &SourceFile) -> Complaints {
    let Some(rust) = &file.rust else { return Vec::new() };
    let mut complaints = Vec::new();
    for (number, line) in rust.code.lines().enumerate() {
        let all: Vec<&str> = words(line).map(|(_, word)| word).collect();
        for pair in all.windows(2) {
            let [keyword, name] = pair else { continue };
            let defines = matches!(*keyword, "struct" | "enum" | "trait" | "type" | "union" | "mod");
            let is_allowed = ALLOWED.contains(&format!("{}: {name}", file.path).as_str());
            if defines && !is_allowed && parts(name).iter().any(|part| is_banned(part)) {
                complaints.push(file.at(number + 1, &format!("`{name}` says nothing: name it after what it is.")));
            }
        }
    }
    complaints
}

fn is_banned(word: &str) -> bool {
    BANNED.contains(&word) || word.strip_suffix('s').is_some_and(|singular| BANNED.contains(&singular))
}

/// `ImageServiceError` → image, service, error; `my_utils` → my, utils.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter.is_uppercase() {
            parts.push(String::new());
        }
        if letter != '_'
            && let Some(last) = parts.last_mut()
        {
            last.extend(letter.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::tree::of;
    use super::*;

    #[test]
    fn a_file_or_folder_with_an_empty_name_is_told() {
        for path in ["api/src/gems/helpers.rs", "web/src/common/button.rs", "crates/domain/src/string_util.rs"] {
            assert_eq!(check(&of(&[(path, "")])).len(), 1, "{path}");
        }
        assert!(check(&of(&[("api/src/gems/ledger.rs", "")])).is_empty());
    }

    #[test]
    fn a_type_with_an_empty_name_is_told_where_it_is_defined() {
        let text = "use s3s::service::S3Service;\nstruct KeyManager;\nenum Outcome { Unserviceable }\nmod utils {}\n";
        let complaints = check(&of(&[("api/src/a.rs", text)]));
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("api/src/a.rs:2: `KeyManager`"));
    }
}
