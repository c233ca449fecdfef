//! A zip of 500 pictures, and an export of everything with 2,000: how much memory each takes while its pictures go through,
//! which is a few parts and never the zip.
use std::time::{Duration, Instant};

use super::generations::{await_all, order};
use super::http::{self, Connection};
use super::stage::Stage;
use super::submit::Orders;
use super::table::{Budget, Row};
use super::{cpu, people};
use crate::failure::{Failure, Result, said};
use crate::process;
use crate::say::Step;

const PICTURES: usize = 500;
const EXPORTED: usize = 2_000;
const PICTURE_BYTES: usize = 1_500_000;
/// Megabytes more than before it: two parts of 8 MiB, a picture, and what the storage's client holds of them.
const MOST: f64 = 60.0;
const PATIENCE: Duration = Duration::from_secs(600);

pub fn measure(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    let part = if quick { 5 } else { 1 };
    stage.ready_picture(1_024, PICTURE_BYTES)?;
    stage.serve(&[])?;
    step.progress("making a picture");
    order(stage, &Orders::new(stage)?, 1)?;
    await_all(stage)?;
    let ids = multiply(stage, PICTURES / part)?;
    let ids: Vec<String> = ids.split_whitespace().map(|id| format!("\"{id}\"")).collect();
    let body = format!("{{\"image_ids\":[{}]}}", ids.join(","));
    step.progress("a zip of pictures");
    let zip = watch(stage, "memory for a zip of 500", ids.len(), "/v1/image-archives", &body)?;
    multiply(stage, (EXPORTED - PICTURES) / part)?;
    step.progress("an export of everything");
    let export = watch(stage, "memory for an export of 2,000", EXPORTED / part, "/v1/me/exports", "")?;
    stage.psql("delete from images where price_gems = 0 and position > 999")?;
    Ok(vec![zip, export])
}

/// All of one object: what counts is that each goes through.
fn multiply(stage: &Stage, pictures: usize) -> Result<String> {
    stage.psql(&format!(
        "with one as (
           select * from images where price_gems > 0 and created_at > now() - interval '30 minutes'
           order by created_at desc limit 1
         ),
         known as (select coalesce(max(i.position), 0) as most from images i join one on one.generation_id = i.generation_id)
         insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, price_gems, created_at, prompt, attributes, model, quality, search)
         select gen_random_uuid(), generation_id, person_id, greatest(most, 1000) + n, object_prefix, extension, content_type,
           bytes, width, height, thumbhash, 0, created_at - n * interval '1 second', prompt, attributes, model, quality, search
         from one, known, generate_series(1, {pictures}) n returning id"
    ))
}

/// By a process that has not decoded anything: what it takes is the zip's.
fn watch(stage: &mut Stage, name: &str, pictures: usize, path: &str, body: &str) -> Result<Row> {
    stage.serve(&[])?;
    let authorization = people::authorizations(stage)?.swap_remove(1);
    let pid = stage.pid()?;
    let before = cpu::memory(pid, "VmRSS")?;
    let failed = |error: std::io::Error| Failure::Said(format!("The zip was not made: {error}."));
    let mut connection = Connection::open(stage.port).map_err(failed)?;
    let headers = [&*authorization, "Content-Type: application/json"];
    let asked = connection.ask(&http::request("POST", path, &headers, body)).map_err(failed)?.text();
    let Some(id) = http::member(&asked, "id") else { return said(format!("No zip: {asked}")) };
    let look = http::request("GET", &format!("{path}/{id}"), &[&authorization], "");
    let (began, mut most) = (Instant::now(), before);
    let cpu_before = stage.cpu()?;
    loop {
        most = most.max(cpu::memory(pid, "VmRSS")?);
        let text = connection.ask(&look).map_err(failed)?.text();
        match http::member(&text, "status") {
            Some("ready") => break,
            Some("queued" | "running") if began.elapsed() < PATIENCE => {}
            _ => return said(format!("The zip was not made: {text}")),
        }
        if process::is_interrupted() {
            return Err(Failure::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = began.elapsed().as_secs_f64();
    let used = stage.cpu()?.0 - cpu_before.0;
    let mut row = Row::new(name, "MB more", Budget::AtMost(MOST)).measured(most - before);
    row.note = format!(
        "{pictures} pictures of {PICTURE_BYTES} bytes in {seconds:.1} s, {used:.1} s CPU of the API; most of VmRSS {most:.0} MB, \
         {before:.0} MB before"
    );
    Ok(row)
}
