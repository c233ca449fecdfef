//! The first file of an export: what each of the others is, in words.
use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::table;

pub fn text(made_at: DateTime<Utc>, support_contact: Option<&str>) -> String {
    let mut text = format!(
        "Everything that Lapidary knows about you, {}\r\n\r\n\
         images/        every image of yours: the original, exactly as the model gave it; Content Credentials in it are untouched\r\n\
         trash/         the same for images that you have thrown away and that are not erased yet\r\n\
         references/    pictures and masks that you uploaded, as they were kept\r\n\
         picture.*      your own picture, as your sign-in provider gave it\r\n\
         manifest.json  what each image was made from: file, prompt, attributes, model, size, gems, date\r\n\
         manifest.csv   the same for spreadsheets\r\n\
         data/          every row about you, once as JSON for programs and once as CSV for spreadsheets:\r\n\r\n",
        made_at.format("%Y-%m-%d %H:%M UTC")
    );
    for table in table::all() {
        let _ = write!(text, "  {:<20} {}\r\n", table.name, table.about);
    }
    text.push_str(
        "\r\nTimes are UTC. Gems are counted in whole gems; amounts of money in the smallest unit of their currency (cents); \
         sizes in bytes and pixels; latency_micros in millionths of a second. Ids are the same in every file.\r\n\
         In CSV a text that a spreadsheet would take for a formula begins with an apostrophe; the JSON has it as it is.\r\n\
         What happened after the export began is not in it.\r\n\r\n\
         Left out: secrets and their hashes (nobody can read them, we neither), small copies of your images, and marks of \
         work under way. A keyed hash of your sign-in method and of your e-mail is kept so that welcome gems are granted \
         once; it cannot be turned back and is found by no id of yours.\r\n\
         Every image here was made by AI; the manifests give its IPTC digital source type. Say so where you show them.\r\n",
    );
    if let Some(contact) = support_contact {
        let _ = write!(text, "\r\nQuestions: {contact}\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_every_file_and_whom_to_ask() {
        let text = text(DateTime::UNIX_EPOCH, Some("help@example.test"));
        assert!(table::all().all(|table| text.contains(&format!("  {} ", table.name))));
        assert!(text.contains("1970-01-01 00:00 UTC") && text.ends_with("Questions: help@example.test\r\n"));
    }
}
