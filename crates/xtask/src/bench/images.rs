//! Rows of images for the gallery, made by SQL: their objects are in no storage, and links to them are made all the same.
use super::people::{ACCOUNT_PREFIX, BASE, COUNT, PERSON_PREFIX};
use super::stage::Stage;
use crate::failure::Result;

/// Of the person whose gallery is looked at, number one.
pub const FEW: usize = 1_000;
pub const MANY: usize = 100_000;
/// Of everyone; every tenth is hers, so that hers lie scattered between the others.
pub const TOTAL: usize = 1_000_000;

/// The newest of hers, with nobody else's.
pub fn seed_few(stage: &Stage) -> Result<()> {
    insert(stage, TOTAL - FEW * 10 + 1, TOTAL, "n % 10 = 0")
}

/// The rest, a piece at a time.
pub fn seed_many(stage: &Stage, mut tell: impl FnMut(&str)) -> Result<()> {
    let piece = TOTAL / 20;
    // Made at once when all rows are there: a row at a time it takes minutes.
    stage.psql("drop index images_search")?;
    for first in (1..=TOTAL).step_by(piece) {
        tell(&format!("{first} of {TOTAL} images"));
        let is_there = format!("n % 10 = 0 and n > {}", TOTAL - FEW * 10);
        insert(stage, first, first + piece - 1, &format!("not ({is_there})"))?;
    }
    tell("the index of the search");
    stage.psql("create index images_search on images using gin (search) with (fastupdate = off)")?;
    tell("vacuum");
    stage.psql("vacuum (analyze) image_counts")?;
    stage.psql("vacuum (analyze) generations")?;
    stage.psql("vacuum (analyze) images").map(drop)
}

fn insert(stage: &Stage, first: usize, last: usize, which: &str) -> Result<()> {
    let id = |prefix: &str| format!("('00000000-0000-7000-{prefix}-' || lpad(n::text, 12, '0'))::uuid");
    let (generation, image) = (id("b000"), id("b001"));
    let others = COUNT - 1;
    let person = format!("({BASE} + case when n % 10 = 0 then 1 else 2 + n % {others} end)::text");
    let at = "timestamptz '2026-01-01' + n * interval '1 second'";
    // As `domain::search` cuts them: half of hers are at night, 5,000 old ones at dawn, ten have a tower of two signs.
    let prompt = "'A lighthouse over a rough sea, number ' || n || case when n % 20 = 0 then ' at night' else '' end
        || case when n <= 50000 then ' before dawn' else '' end || case when n % 100000 = 0 then ' 灯塔' else '' end";
    let attributes = "jsonb_build_array(jsonb_build_object('section', 'Light', 'value', 'golden hour'),
        jsonb_build_object('section', 'Mood', 'value', 'mood ' || n % 40))";
    let tokens = format!(
        "array_to_tsvector(array(select distinct right({person}, 8) || t from unnest(
           array['aLight:golden hour', 'aMood:mood ' || n % 40, 'mgpt-image-2.5-flare', 'qmedium', 'wa', 'wlighthouse', 'wover',
             'wrough', 'wsea', 'wnumber', 'wlight', 'wgolden', 'whour', 'wmood', 'w' || n, 'w' || n % 40]
           || case when n % 20 = 0 then array['wat', 'wnight'] else '{{}}' end
           || case when n <= 50000 then array['wbefore', 'wdawn'] else '{{}}' end
           || case when n % 100000 = 0 then array['w灯塔', 'w塔'] else '{{}}' end) t))"
    );
    stage.psql(&format!(
        "insert into generations (id, person_id, account_id, idempotency_key, fingerprint, request_id, status, prompt,
           composed_prompt, attributes, model, width, height, quality, count, share_gems, catalogue_version, available_at,
           created_at, started_at, finished_at)
         select {generation}, ('{PERSON_PREFIX}' || {person})::uuid, ('{ACCOUNT_PREFIX}' || {person})::uuid, 'seed-' || n,
           sha256(n::text::bytea), {generation}::text, 'succeeded', 'A lighthouse over a rough sea, number ' || n,
           'A lighthouse over a rough sea, number ' || n || '. Light: golden hour. Mood: calm.',
           '[{{\"section\":\"Light\",\"value\":\"golden hour\"}},{{\"section\":\"Mood\",\"value\":\"calm\"}}]',
           'gpt-image-2.5-flare', 1024, 1024, 'medium', 1, 3, 'seed', {at}, {at}, {at}, {at}
         from generate_series({first}, {last}) n where {which};
         insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, price_gems, created_at, prompt, attributes, model, quality, search)
         select {image}, {generation}, ('{PERSON_PREFIX}' || {person})::uuid, 0,
           'users/{PERSON_PREFIX}' || {person} || '/images/' || {image} || '/1', 'png', 'image/png', 1500000, 1024, 1024,
           'YJqGPQw7sFlslqhFafSE+Q6oJ1h2iHB2Rw==', 3, {at}, {prompt}, {attributes}, 'gpt-image-2.5-flare',
           'medium', {tokens}
         from generate_series({first}, {last}) n where {which};"
    ))
    .map(drop)
}
