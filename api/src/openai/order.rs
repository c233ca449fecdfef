//! From the fields of a call in OpenAI's wire to what our own API is asked for. What cannot matter is read and left; what we
//! cannot do is refused by name. Decides no price and no limit: `submit` does.
use chrono::NaiveDate;
use lapidary_contract::domain::limits::PROMPT_MAX;
use lapidary_contract::domain::{Catalogue, Violation, ViolationCode};
use lapidary_contract::{CreateGeneration, MadeFrom};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::old_words::{is_dall_e, quality_of, size_of};

/// Rough pictures of one stream.
const PARTIAL_IMAGES_MAX: i64 = 3;
/// What both calls know.
pub const KNOWN: [&str; 21] = [
    "prompt",
    "model",
    "n",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "response_format",
    "moderation",
    "complexity",
    "stream",
    "partial_images",
    "safety_identifier",
    "user",
    "style",
    "input_fidelity",
    "markup",
    "svg",
    "frame_count",
    "frame_duration_ms",
];
/// Of those, what only an edit knows.
pub const ONLY_EDITS: [&str; 2] = ["input_fidelity", "markup"];

/// What came with an edit beside its fields, stored already.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    pub references: Vec<MadeFrom>,
    pub mask_id: Option<Uuid>,
}

/// A call that can be answered.
#[derive(Clone, Debug)]
pub struct Order {
    pub request: CreateGeneration,
    /// Links instead of bytes.
    pub wants_url: bool,
    /// A stream with so many rough pictures at most.
    pub stream: Option<u32>,
    /// Given back as it came.
    pub safety_identifier: Option<String>,
    pub is_edit: bool,
}

impl Order {
    /// Says everything that is wrong at once.
    pub fn read(
        fields: &Map<String, Value>,
        pictures: Option<Pictures>,
        catalogue: &Catalogue,
        today: NaiveDate,
    ) -> Result<Self, Vec<Violation>> {
        let is_edit = pictures.is_some();
        let mut read = Reading { fields, wrong: Vec::new() };
        read.only_known(is_edit);
        if read.given("prompt").is_none_or(|prompt| prompt == "") {
            read.say("prompt", ViolationCode::Required);
        }
        let prompt = read.text("prompt").unwrap_or_default();
        let model = read.text("model");
        let quality = read.text("quality");
        let quality = quality.and_then(|asked| quality_of(asked, model.as_deref(), catalogue, today));
        let size = read.text("size").map(|asked| size_of(asked, model.as_deref(), catalogue, today));
        let count = read.integer("n", 1, 10).unwrap_or(1);
        let stream = read.stream(count);
        read.what_is_not_done_here();
        let format = read.one_of("response_format", &["b64_json", "url"]);
        if format.as_deref() == Some("url") && stream.is_some() {
            read.say("response_format", ViolationCode::NotAvailable);
        }
        let wants_url = match format {
            Some(format) => format == "url",
            // Whoever names DALL·E reads what it answered unless told otherwise.
            None => stream.is_none() && model.as_deref().is_some_and(|name| is_dall_e(name, catalogue)),
        };
        let user = read.text("user").filter(|user| !user.is_empty());
        let safety_identifier = read.text("safety_identifier").filter(|identifier| !identifier.is_empty()).or(user);
        let Pictures { references, mask_id } = pictures.unwrap_or_default();
        let request = CreateGeneration {
            prompt: shown(&prompt),
            attributes: Vec::new(),
            composed_prompt: Some(prompt),
            model,
            size,
            quality,
            count: u32::try_from(count).unwrap_or(1),
            background: read.text("background"),
            output_format: read.text("output_format"),
            references,
            mask_id,
        };
        if !read.wrong.is_empty() {
            return Err(read.wrong);
        }
        Ok(Self { request, wants_url, stream, safety_identifier, is_edit })
    }
}

/// What people see of a prompt that is longer than one of ours; the model reads all of it.
fn shown(prompt: &str) -> String {
    if prompt.trim().chars().count() <= PROMPT_MAX {
        return prompt.to_owned();
    }
    prompt.trim().chars().take(PROMPT_MAX - 1).chain(['…']).collect()
}

struct Reading<'a> {
    fields: &'a Map<String, Value>,
    wrong: Vec<Violation>,
}

impl Reading<'_> {
    fn say(&mut self, name: &str, code: ViolationCode) {
        self.wrong.push(Violation::new(format!("/{name}"), code));
    }

    fn only_known(&mut self, is_edit: bool) {
        let is_known = |name: &str| KNOWN.contains(&name) && (is_edit || !ONLY_EDITS.contains(&name));
        let unknown: Vec<String> = self.fields.keys().filter(|name| !is_known(name)).cloned().collect();
        for name in unknown {
            self.say(&name.replace('~', "~0").replace('/', "~1"), ViolationCode::UnknownField);
        }
    }

    /// Null is as good as absent everywhere in this wire.
    fn given(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.given(name) {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.say(name, ViolationCode::WrongType);
                None
            }
        }
    }

    fn integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let number = self.given(name)?.as_i64();
        let wrong = match number {
            Some(number) if (least..=most).contains(&number) => return Some(number),
            Some(_) => ViolationCode::OutOfRange,
            None => ViolationCode::WrongType,
        };
        self.say(name, wrong);
        None
    }

    fn one_of(&mut self, name: &str, known: &[&str]) -> Option<String> {
        let text = self.text(name)?;
        if !known.contains(&text.as_str()) {
            self.say(name, ViolationCode::Unknown);
        }
        Some(text)
    }

    fn stream(&mut self, count: i64) -> Option<u32> {
        let is_stream = match self.given("stream") {
            None => false,
            Some(Value::Bool(is_stream)) => *is_stream,
            Some(_) => {
                self.say("stream", ViolationCode::WrongType);
                false
            }
        };
        let partial = self.integer("partial_images", 0, PARTIAL_IMAGES_MAX).unwrap_or(0);
        if !is_stream && partial > 0 {
            self.say("partial_images", ViolationCode::NotAvailable);
        }
        if is_stream && count > 1 {
            self.say("n", ViolationCode::NotAvailable);
        }
        is_stream.then(|| u32::try_from(partial).unwrap_or(0))
    }

    /// Each has one value that changes nothing.
    fn what_is_not_done_here(&mut self) {
        if self.integer("output_compression", 0, 100).is_some_and(|level| level < 100) {
            self.say("output_compression", ViolationCode::NotAvailable);
        }
        for (name, known, harmless) in [
            ("moderation", &["auto", "low"][..], "auto"),
            ("style", &["vivid", "natural"], "vivid"),
            ("complexity", &["low", "medium", "high"], "high"),
            ("input_fidelity", &["low", "high"], "low"),
        ] {
            if self.one_of(name, known).is_some_and(|text| known.contains(&text.as_str()) && text != harmless) {
                self.say(name, ViolationCode::NotAvailable);
            }
        }
        for name in ["markup", "svg", "frame_count", "frame_duration_ms"] {
            if self.given(name).is_some() {
                self.say(name, ViolationCode::NotAvailable);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn today() -> NaiveDate {
        "2026-11-23".parse().expect("a date")
    }

    fn read(fields: Value) -> Result<Order, Vec<Violation>> {
        let catalogue = crate::catalogue::load(None, today()).expect("the catalogue");
        Order::read(fields.as_object().expect("an object"), None, &catalogue, today())
    }

    #[track_caller]
    fn refused(fields: Value, pointer: &str, code: ViolationCode) {
        let violations = read(fields.clone()).expect_err("refused");
        assert_eq!(violations, [Violation::new(pointer, code)], "{fields}");
    }

    #[test]
    fn a_prompt_is_sent_as_it_came_and_what_cannot_matter_is_left() {
        let order = read(json!({"prompt": " a fox\n", "user": "u", "moderation": "auto", "style": "vivid", "n": null,
            "output_compression": 100, "complexity": "high", "response_format": "url"}));
        let order = order.expect("an order");
        assert_eq!(order.request.composed_prompt.as_deref(), Some(" a fox\n"));
        assert_eq!((order.request.count, order.wants_url, order.stream), (1, true, None));
        assert_eq!(order.safety_identifier.as_deref(), Some("u"));
        let long = read(json!({"prompt": "ö".repeat(20_000)})).expect("an order").request;
        assert_eq!(long.prompt.chars().count(), PROMPT_MAX);
        assert_eq!(long.composed_prompt.map(|text| text.chars().count()), Some(20_000));
    }

    #[test]
    fn what_is_not_done_here_is_refused_by_name() {
        use ViolationCode::{NotAvailable, OutOfRange, Required, Unknown, UnknownField, WrongType};
        refused(json!({}), "/prompt", Required);
        refused(json!({"prompt": "a", "fox": 1}), "/fox", UnknownField);
        refused(json!({"prompt": "a", "input_fidelity": "low"}), "/input_fidelity", UnknownField);
        refused(json!({"prompt": "a", "n": 11}), "/n", OutOfRange);
        refused(json!({"prompt": "a", "n": "2"}), "/n", WrongType);
        refused(json!({"prompt": "a", "n": 2, "stream": true}), "/n", NotAvailable);
        refused(json!({"prompt": "a", "stream": "yes"}), "/stream", WrongType);
        refused(json!({"prompt": "a", "partial_images": 1}), "/partial_images", NotAvailable);
        refused(json!({"prompt": "a", "output_compression": 50}), "/output_compression", NotAvailable);
        refused(json!({"prompt": "a", "moderation": "low"}), "/moderation", NotAvailable);
        refused(json!({"prompt": "a", "moderation": "none"}), "/moderation", Unknown);
        refused(json!({"prompt": "a", "style": "natural"}), "/style", NotAvailable);
        refused(json!({"prompt": "a", "svg": {}}), "/svg", NotAvailable);
        refused(json!({"prompt": "a", "stream": true, "response_format": "url"}), "/response_format", NotAvailable);
    }

    #[test]
    fn the_old_name_of_who_asks_counts_where_the_new_one_says_nothing() {
        for (fields, kept) in [
            (json!({"safety_identifier": "s", "user": "u"}), Some("s")),
            (json!({"safety_identifier": "", "user": "u"}), Some("u")),
            (json!({"user": "u"}), Some("u")),
            (json!({"safety_identifier": "", "user": ""}), None),
        ] {
            let mut asked = json!({"prompt": "a"});
            asked.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
            assert_eq!(read(asked).expect("an order").safety_identifier.as_deref(), kept, "{fields}");
        }
    }
}
