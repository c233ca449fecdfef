//! What a key of the bucket says it is. Knows no row and judges nothing.
use uuid::Uuid;

/// What a key says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Image {
        person_id: Uuid,
        prefix: String,
    },
    Preview {
        generation_id: Uuid,
    },
    /// What a person uploaded to make pictures from.
    Reference {
        person_id: Uuid,
        prefix: String,
    },
    Picture {
        person_id: Uuid,
    },
    /// A zip: of images, or of everything.
    Archive,
    /// Of a person, but of no shape that we make.
    Other {
        person_id: Uuid,
    },
    Foreign,
}

impl Place {
    pub fn of(key: &str) -> Self {
        let parts: Vec<&str> = key.split('/').collect();
        let id = |text: &str| text.parse::<Uuid>().ok();
        let Some(person_id) = parts.get(1).and_then(|text| id(text)) else { return Self::Foreign };
        match parts.as_slice() {
            ["users", _, "images", image, attempt, file]
                if id(image).is_some() && attempt.parse::<u32>().is_ok() && !file.is_empty() =>
            {
                let prefix = key.strip_suffix(file).unwrap_or(key).trim_end_matches('/').to_owned();
                Self::Image { person_id, prefix }
            }
            ["users", _, "references", upload, file] if id(upload).is_some() && !file.is_empty() => {
                let prefix = key.strip_suffix(file).unwrap_or(key).trim_end_matches('/').to_owned();
                Self::Reference { person_id, prefix }
            }
            ["users", _, "previews", generation, ..] => match id(generation) {
                Some(generation_id) => Self::Preview { generation_id },
                None => Self::Other { person_id },
            },
            ["users", _, "archives" | "exports", archive, file]
                if id(archive).is_some()
                    && file.strip_suffix(".zip").is_some_and(|name| name.parse::<u32>().is_ok()) =>
            {
                Self::Archive
            }
            ["users", _, "picture"] => Self::Picture { person_id },
            ["users", ..] => Self::Other { person_id },
            _ => Self::Foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_it_is_and_a_strange_one_is_left_alone() {
        let (person_id, image, generation_id) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
        let prefix = format!("users/{person_id}/images/{image}/2");
        assert_eq!(Place::of(&format!("{prefix}/original.png")), Place::Image { person_id, prefix });
        let preview = format!("users/{person_id}/previews/{generation_id}/1/0.png");
        assert_eq!(Place::of(&preview), Place::Preview { generation_id });
        let prefix = format!("users/{person_id}/references/{image}");
        assert_eq!(Place::of(&format!("{prefix}/thumbnail.webp")), Place::Reference { person_id, prefix });
        for folder in ["archives", "exports"] {
            assert_eq!(Place::of(&format!("users/{person_id}/{folder}/{image}/1.zip")), Place::Archive);
        }
        assert_eq!(Place::of(&format!("users/{person_id}/picture")), Place::Picture { person_id });
        for other in ["images/x", "images/x/1/a.png", "exports/a.zip", "archives/a.zip", "previews/x/y"] {
            assert_eq!(Place::of(&format!("users/{person_id}/{other}")), Place::Other { person_id }, "{other}");
        }
        for foreign in ["users/me/picture", "backup/2026.sql", "users", ""] {
            assert_eq!(Place::of(foreign), Place::Foreign, "{foreign}");
        }
    }
}
