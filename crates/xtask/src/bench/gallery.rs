//! A person's gallery, page after page: first when there are a thousand images in all, then when hers are a hundred
//! thousand among a million.
use std::time::{Duration, Instant};

use super::http::{self, Connection};
use super::stage::Stage;
use super::table::{Budget, Row};
use super::{images, people, search};
use crate::failure::{Failure, Result, said};
use crate::process;
use crate::say::Step;

/// Processor milliseconds of the API for a page.
const MOST: f64 = 2.0;
const GROWTH: f64 = 1.2;
const WARM_UP: usize = 100;
/// Of one walk: a gallery that has become slow is told, not waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// What browsers send.
const BROWSER: &str = "Accept-Encoding: gzip, deflate, br, zstd";

/// Milliseconds for a page.
struct Cost {
    pages: usize,
    api: f64,
    database: f64,
    wall: f64,
}

pub fn measure(stage: &mut Stage, step: &mut Step, quick: bool) -> Result<Vec<Row>> {
    let pages = if quick { 400 } else { images::MANY / 50 };
    stage.serve(&[("WORKER_SLOTS", "0")])?;
    stage.psql("vacuum (analyze) generations")?;
    stage.psql("vacuum (analyze) images")?;
    let few = walk(stage, pages, None)?;
    images::seed_many(stage, |how_far| step.progress(how_far))?;
    // Growing takes minutes; a process that looked on has nothing to do with the page.
    stage.serve(&[("WORKER_SLOTS", "0")])?;
    let many = walk(stage, pages, None)?;
    let browser = walk(stage, pages, Some(BROWSER))?;
    let mut page = Row::new("gallery page of 50 in 100,000", "ms CPU", Budget::AtMost(MOST)).measured(many.api);
    page.note = format!(
        "{} pages one after another; PostgreSQL {:.2} ms CPU more, {:.2} ms by the clock; as a browser asks for it, \
         compressed: {:.2} ms CPU",
        many.pages, many.database, many.wall, browser.api
    );
    let (after, before) = (many.api + many.database, few.api + few.database);
    let mut growth = Row::new("gallery page, grown to 1,000,000", "ms CPU", Budget::RatioAtMost(GROWTH))
        .measured(after)
        .beside("with 1,000", before, after / before);
    growth.note = format!(
        "API and PostgreSQL together, PostgreSQL with a quarter of the machine's memory as its buffers; API alone {:.2} \
         after {:.2} ms, PostgreSQL {:.2} after {:.2} ms",
        many.api, few.api, many.database, few.database
    );
    step.progress("searching");
    let mut rows = vec![page, growth];
    rows.extend(search::measure(stage, quick)?);
    Ok(rows)
}

/// From the newest to the oldest, and again from the newest until there were enough.
fn walk(stage: &Stage, pages: usize, header: Option<&str>) -> Result<Cost> {
    let authorization = people::authorizations(stage)?.swap_remove(0);
    let ask = |cursor: &str| {
        let path = format!("/v1/images?limit=50{cursor}");
        http::request("GET", &path, &[&authorization], "")
    };
    let failed = |error: std::io::Error| Failure::Said(format!("The gallery did not answer: {error}."));
    let mut connection = Connection::open(stage.port).map_err(failed)?;
    let (mut paths, started) = (vec![ask("")], Instant::now());
    for _ in 1..pages.min(images::MANY / 50) {
        let answer = connection.ask(&paths[paths.len() - 1]).map_err(failed)?;
        let text = answer.text();
        if answer.status != 200 || text.matches("\"thumbnail_url\"").count() != 50 {
            return said(format!("A page of the gallery is not one: {}", text.chars().take(300).collect::<String>()));
        }
        match http::member(&text, "next_cursor") {
            Some(cursor) if started.elapsed() < PATIENCE => paths.push(ask(&format!("&cursor={cursor}"))),
            _ => break,
        }
    }
    if let Some(header) = header {
        for path in &mut paths {
            path.truncate(path.len() - 2);
            path.extend_from_slice(format!("{header}\r\n\r\n").as_bytes());
        }
    }
    let mut ask_some = |most: usize| -> Result<(usize, Duration)> {
        let (started, mut asked) = (Instant::now(), 0);
        while asked < most && started.elapsed() < PATIENCE {
            connection.ask(&paths[asked % paths.len()]).map_err(failed)?;
            asked += 1;
            if process::is_interrupted() {
                return Err(Failure::Interrupted);
            }
        }
        Ok((asked, started.elapsed()))
    };
    ask_some(WARM_UP)?;
    let before = stage.cpu()?;
    let (pages, wall) = ask_some(pages)?;
    let after = stage.cpu()?;
    let each = |seconds: f64| seconds * 1e3 / pages as f64;
    let wall = each(wall.as_secs_f64());
    Ok(Cost { pages, api: each(after.0 - before.0), database: each(after.1 - before.1), wall })
}
