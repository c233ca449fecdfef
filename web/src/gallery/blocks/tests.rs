//! The blocks of a list as pictures come, change and go.
use chrono::TimeDelta;

use super::*;

/// A picture made so many minutes after an hour of no account.
fn image(minute: i64) -> Image {
    let at = DateTime::from_timestamp(minute * 60, 0).unwrap_or_default();
    Image {
        id: Uuid::from_u128(minute as u128),
        generation_id: Uuid::nil(),
        prompt: String::new(),
        attributes: Vec::new(),
        model: String::new(),
        quality: String::new(),
        width: 3,
        height: 2,
        bytes: 0,
        content_type: String::new(),
        price_gems: 0,
        url: String::new(),
        url_expires_at: at,
        thumbnail_url: String::new(),
        preview_url: String::new(),
        thumbhash: String::new(),
        is_favourite: false,
        has_content_credentials: false,
        digital_source_type: String::new(),
        revised_prompt: None,
        created_at: at,
        deleted_at: None,
    }
}

fn images(minutes: impl IntoIterator<Item = i64>) -> Vec<Image> {
    minutes.into_iter().map(image).collect()
}

/// A cut into blocks of ten of the minutes from `newest` down to 1.
fn cut(newest: i64) -> Vec<ImageBlock> {
    let minutes: Vec<i64> = (1..=newest).rev().collect();
    let at = |minute: i64| image(minute).created_at;
    let block = |part: &[i64]| ImageBlock {
        cursor: (part[0] != newest).then(|| part[0].to_string()),
        count: part.len() as i64,
        newest_at: at(part[0]),
        oldest_at: at(part[part.len() - 1]),
    };
    minutes.chunks(10).map(block).collect()
}

fn begun() -> Blocks {
    let mut blocks = Blocks::default();
    blocks.begin(images((21..=30).rev()));
    blocks.cut(cut(30));
    blocks
}

fn ids(block: &Block) -> Vec<u128> {
    block.spots.iter().map(|spot| spot.id.as_u128()).collect()
}

#[test]
fn the_first_answer_is_not_read_twice() {
    let blocks = begun();
    assert_eq!(blocks.total(), 30);
    assert_eq!(blocks.all.iter().map(Block::needs_reading).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn what_reaches_into_the_next_block_stays_out() {
    let mut blocks = begun();
    blocks.remove(&[Uuid::from_u128(25)]);
    let key = blocks.all[0].key;
    blocks.read(key, images([30, 29, 28, 27, 26, 24, 23, 22, 21, 20]), true);
    assert_eq!(ids(&blocks.all[0]), [30, 29, 28, 27, 26, 24, 23, 22, 21]);
    assert_eq!(blocks.total(), 29);
}

#[test]
fn a_new_picture_stands_on_top_and_an_old_one_waits_for_its_block() {
    let mut blocks = begun();
    blocks.put(image(31));
    blocks.put(image(5));
    assert_eq!(ids(&blocks.all[0])[..2], [31, 30]);
    assert_eq!((blocks.total(), ids(&blocks.all[2]).len()), (32, 0));
}

#[test]
fn a_new_cut_keeps_what_was_read_and_reads_it_again_in_sight() {
    let mut blocks = begun();
    let before = blocks.entry(Uuid::from_u128(22)).expect("known");
    blocks.doubt();
    blocks.cut(cut(32));
    assert_eq!(ids(&blocks.all[0]), [30, 29, 28, 27, 26, 25, 24, 23]);
    assert!(blocks.all[0].needs_reading());
    assert!(blocks.all[1].spots.is_empty(), "two of ten do not stand for a block");
    assert_eq!(blocks.all[1].count, 10);
    assert_eq!(before.id.as_u128(), 22);
}

#[test]
fn what_left_the_list_elsewhere_goes_with_the_next_reading() {
    let mut blocks = begun();
    let key = blocks.all[0].key;
    blocks.read(key, images([31, 30, 28, 27]), false);
    assert_eq!(ids(&blocks.all[0]), [31, 30, 28, 27, 26, 25, 24, 23, 22, 21]);
}

#[test]
fn neighbours_are_known_only_where_all_between_was_read() {
    let mut blocks = begun();
    let of = |blocks: &Blocks, id: u128| {
        let found = blocks.neighbours(Uuid::from_u128(id))?;
        Some((found.0.map(|id| id.as_u128()), found.1.map(|id| id.as_u128())))
    };
    assert_eq!(of(&blocks, 30), Some((None, Some(29))));
    assert_eq!(of(&blocks, 21), None);
    let key = blocks.all[1].key;
    blocks.read(key, images((11..=20).rev()), true);
    assert_eq!(of(&blocks, 21), Some((Some(22), Some(20))));
    assert_eq!(of(&blocks, 20), Some((Some(21), Some(19))));
}

#[test]
fn what_is_far_away_is_forgotten_and_its_place_is_kept() {
    let mut blocks = begun();
    for at in [1, 2] {
        let (key, from) = (blocks.all[at].key, 30 - 10 * at as i64);
        blocks.read(key, images((from - 9..=from).rev()), true);
    }
    blocks.forget_beyond(2..3, 1);
    let held: Vec<usize> = blocks.all.iter().map(|block| block.entries.len()).collect();
    assert_eq!(held, [0, 0, 10]);
    assert_eq!(ids(&blocks.all[0]).len(), 10);
    assert!(blocks.all[0].needs_reading());
}

#[test]
fn a_picture_that_comes_back_stands_where_it_stood() {
    let mut blocks = begun();
    blocks.remove(&[Uuid::from_u128(25)]);
    blocks.put(image(25));
    assert_eq!(ids(&blocks.all[0]), (21..=30).rev().collect::<Vec<u128>>());
    assert!(blocks.all[0].newest_at - blocks.all[0].oldest_at == TimeDelta::minutes(9));
}
