//! Builds the text a model reads from a person's words and the chosen attributes. Nothing is ever cut.
use crate::attribute::Attribute;

/// The prompt, an empty line, then a line a section in the order of choice: `Light: golden hour, rim light`.
pub fn compose(prompt: &str, attributes: &[Attribute]) -> String {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for attribute in attributes {
        let (section, value) = (attribute.section.trim(), attribute.value.trim());
        match sections.iter_mut().find(|(known, _)| *known == section) {
            Some((_, values)) => values.push(value),
            None => sections.push((section, vec![value])),
        }
    }
    let mut text = prompt.trim().to_owned();
    for (index, (section, values)) in sections.iter().enumerate() {
        text.push_str(if index == 0 { "\n\n" } else { "\n" });
        text.push_str(section);
        text.push_str(": ");
        text.push_str(&values.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_of_one_section_share_a_line_in_the_order_of_choice() {
        let attributes = [
            Attribute::new("Light", "golden hour"),
            Attribute::new("Style", "watercolour"),
            Attribute::new("Light", "rim light"),
        ];
        assert_eq!(compose(" A fox ", &attributes), "A fox\n\nLight: golden hour, rim light\nStyle: watercolour");
    }

    #[test]
    fn a_prompt_without_attributes_is_sent_as_written() {
        assert_eq!(compose("雪の中の狐 🦊", &[]), "雪の中の狐 🦊");
    }

    proptest! {
        #[test]
        fn every_word_a_person_chose_is_in_the_text(prompt in ".{1,200}", values in prop::collection::vec("[^\\s\\x00]{1,20}", 0..12)) {
            let attributes: Vec<_> = values.iter().map(|value| Attribute::new("Mood", value.clone())).collect();
            let text = compose(&prompt, &attributes);
            prop_assert!(text.starts_with(prompt.trim()));
            for value in &values {
                prop_assert!(text.contains(value.as_str()));
            }
        }
    }
}
