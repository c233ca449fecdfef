//! The gallery as a person uses it: a hundred thousand pictures scrolled through, a picture found, kept, zipped, shared
//! and opened by somebody who is not signed in; by keys alone too. With TRACE=1 scrolling tells what its tasks did.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::Person;
use crate::stage::{Stage, enter, see_picture};
use crate::tab::{Look, Tab, text};
use crate::tasks::{Task, Watch};

const MANY: usize = 100_000;
/// What a task may take while somebody scrolls.
const LONG_MS: f64 = 50.0;
const PICTURES: [(&str, &str, &str); 6] = [
    ("A red fox in the snow", "1024x1024", "Golden hour"),
    ("A blue boat on a quiet lake", "1536x1024", "Blue hour"),
    ("A fox asleep under an oak", "1024x1536", "Golden hour"),
    ("月明かりの下の狐", "1024x1024", "Moonlight"),
    ("A castle above the clouds", "1536x1024", "Golden hour"),
    ("Paper lanterns over a river", "1024x1024", "Blue hour"),
];

async fn make_pictures(person: &Person<'_>) {
    for (prompt, size, light) in PICTURES {
        let attributes = json!([{"section": "Light", "value": light}]);
        person.make(&json!({"prompt": prompt, "size": size, "quality": "low", "attributes": attributes})).await;
    }
}

/// Rows beside a picture that was made, each with its objects and colours of its own; five minutes apart, so that there are
/// many days.
async fn multiply(stage: &Stage, count: usize) {
    let sql = format!(
        "insert into images (id, generation_id, person_id, position, object_prefix, extension, content_type, bytes, width,
           height, thumbhash, price_gems, created_at, prompt, attributes, model, quality, search)
         select ('00000000-0000-7000-b001-' || lpad(n::text, 12, '0'))::uuid, i.generation_id, i.person_id, n,
           i.object_prefix, i.extension, i.content_type, i.bytes, (array[1024, 1536, 1024])[1 + n % 3],
           (array[1024, 1024, 1536])[1 + n % 3],
           encode(set_byte(set_byte(decode(i.thumbhash, 'base64'), 0, n % 256), 1, n / 256 % 256), 'base64'),
           i.price_gems, i.created_at - n * interval '5 minutes',
           'Number ' || n, i.attributes, i.model, i.quality, ''
         from images i cross join generate_series(1, {count}) n where i.position = 0"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut stage.app.sql().await).await.expect("many rows");
}

/// Long tasks from now on, in milliseconds each, by the clock.
const WATCH: &str = "window.long = []; new PerformanceObserver((list) => list.getEntries()
    .forEach((it) => window.long.push(it.duration))).observe({ type: 'longtask' })";

async fn scroll(tab: &Tab, script: &str) {
    tab.eval(&format!("new Promise((done) => {{ {script} }})")).await;
}

#[actix_web::test]
async fn a_hundred_thousand_pictures_scroll_with_few_elements_and_keep_their_place() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    let person = stage.app.person("Ada Lovelace").await;
    person.make(&json!({"prompt": PICTURES[0].0, "quality": "low"})).await;
    multiply(&stage, MANY).await;
    tab.open(&stage.at("/gallery")).await;
    tab.until("document.body.innerText.includes('100,001 pictures')", "all are counted").await;
    tab.settle().await;
    tab.eval(WATCH).await;
    let trace = if std::env::var_os("TRACE").is_some() { Some(Watch::start(&tab).await) } else { None };
    // As a wheel does, for a while; then as who drags the bar, to places all over the list and back.
    scroll(
        &tab,
        "let n = 0; const step = () => { scrollBy(0, 240); n++ < 240 ? requestAnimationFrame(step) : done() }; step()",
    )
    .await;
    let most = count_elements(&tab).await;
    let began = Instant::now();
    scroll(
        &tab,
        "let n = 0; const end = document.body.scrollHeight; const step = () => {
           scrollTo(0, end * (n * 37 % 100) / 100); n++ < 100 ? setTimeout(step, 60) : done() }; step()",
    )
    .await;
    scroll(
        &tab,
        "let n = 0; const step = () => { scrollBy(0, 4000); n++ < 120 ? requestAnimationFrame(step) : done() }; step()",
    )
    .await;
    let flown = began.elapsed();
    if let Some(trace) = trace {
        tell(&trace.end().await);
    }
    see_cards(&tab).await;
    let elements = most.max(count_elements(&tab).await);
    let long = tab.eval("window.long").await;
    let long: Vec<f64> = long.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let worst = long.iter().copied().fold(0.0, f64::max);
    println!(
        "{MANY} pictures: {} tasks over {LONG_MS} ms while scrolling (the longest {worst:.0} ms), at most {elements} elements \
         in the wall, flown over in {:.1} s",
        long.len(),
        flown.as_secs_f64()
    );
    assert!(elements < 900, "{elements} elements for what is in sight");
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    let rough = "(async () => { const style = getComputedStyle(document.querySelector('.card .picture'));
        const image = new Image(); image.src = style.backgroundImage.slice(5, -2); await image.decode();
        return Math.max(image.naturalWidth, image.naturalHeight) })()";
    assert_eq!(tab.eval(rough).await, 32, "a rough look stands there before its picture");
    comes_back_to_its_place(&tab).await;
    tab.close().await;
    // Nobody paid for them.
    sqlx::query("delete from images where position > 0").execute(&mut stage.app.sql().await).await.expect("gone");
    stage.clear().await;
}

/// What a trace says: how long the longest task worked, and what the long ones did.
fn tell(tasks: &[Task]) {
    assert!(tasks.len() > 300, "{} tasks were traced", tasks.len());
    let worked = tasks.iter().map(|task| task.worked).fold(0.0, f64::max);
    println!("The longest of {} tasks worked {worked:.0} ms.", tasks.len());
    tasks.iter().filter(|task| task.by_clock > LONG_MS).for_each(|task| println!("{}", task.words()));
}

async fn count_elements(tab: &Tab) -> i64 {
    tab.eval("document.querySelectorAll('.wall *').length").await.as_i64().expect("a number")
}

/// Waits until what is in sight is pictures, not places.
async fn see_cards(tab: &Tab) {
    let seen = "(() => { const at = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
        return at?.closest('.card[data-id]') })()";
    tab.until(seen, "pictures are where the view came to rest").await;
}

async fn comes_back_to_its_place(tab: &Tab) {
    let at = "Math.round(scrollY)";
    // Until what was read above has taken its true height.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let open = "(() => { const card = document.elementFromPoint(innerWidth / 2, innerHeight / 2).closest('.card');
        window.opened = card.dataset.id; window.top_of_it = Math.round(card.getBoundingClientRect().top);
        card.querySelector('a').click() })()";
    tab.eval(open).await;
    tab.see("button", "Download").await;
    tab.key("Escape", false).await;
    tab.see("heading", "Gallery").await;
    let card = "document.querySelector(`[data-id='${window.opened}']`)";
    tab.until(
        &format!("{card} && Math.abs({card}.getBoundingClientRect().top - window.top_of_it) <= 2"),
        "the picture is where it was",
    )
    .await;
    assert_ne!(tab.eval(at).await, json!(0));
}

#[actix_web::test]
async fn a_picture_is_found_kept_and_shared_on_a_phone() {
    found_kept_and_shared(Look::PHONE).await;
}

#[actix_web::test]
async fn a_picture_is_found_kept_and_shared_on_a_wide_screen() {
    found_kept_and_shared(Look::WIDE).await;
}

async fn found_kept_and_shared(look: Look) {
    let mut stage = Stage::set().await;
    let tab = stage.chrome.tab(look).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    make_pictures(&stage.app.person("Ada Lovelace").await).await;
    tab.open(&stage.at("/gallery")).await;
    search(&tab, "狐", "1 picture,").await;
    tab.select_all().await;
    tab.write("fox").await;
    see_count(&tab, "2 pictures,").await;
    assert_eq!(tab.eval("location.search").await, "?q=fox");
    choose_light(&tab).await;
    tab.press("link", "Remove “fox”").await;
    see_count(&tab, "3 pictures,").await;
    stage.start_work();
    collect_and_zip(&tab, "Warm light").await;
    share(&tab).await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

pub async fn search(tab: &Tab, words: &str, found: &str) {
    tab.press("searchbox", "Search your pictures").await;
    tab.write(words).await;
    see_count(tab, found).await;
}

/// The first two of what is in sight; the worker runs.
pub async fn collect_and_zip(tab: &Tab, name: &str) {
    select_two(tab).await;
    tab.press("button", "Add to a collection").await;
    tab.press("button", "New collection").await;
    tab.press("textbox", "Name").await;
    tab.write(name).await;
    tab.press("button", "Save").await;
    tab.press("button", "See it").await;
    tab.see("heading", name).await;
    see_count(tab, "2 pictures,").await;
    select_two(tab).await;
    tab.press("button", "Download zip").await;
    tab.until("document.body.innerText.includes('Your zip of 2 pictures is ready.')", "the zip is made").await;
    tab.see("link", "Download").await;
    tab.press("button", "Put away").await;
}

async fn see_count(tab: &Tab, words: &str) {
    let words = Value::from(words);
    tab.until(
        &format!("document.querySelector('.gallery__about')?.innerText.includes({words})"),
        &format!("there are {words}"),
    )
    .await;
}

async fn choose_light(tab: &Tab) {
    tab.press("button", "Attributes").await;
    tab.press("searchbox", "Search attributes").await;
    tab.write("golden").await;
    tab.press("link", "Golden hour *").await;
    tab.see("link", "Remove Light: Golden hour").await;
    see_count(tab, "2 pictures,").await;
}

/// The first with a press on its corner, the rest up to the second by holding shift, as the page hears it.
async fn select_two(tab: &Tab) {
    let press = "(at, how) => document.querySelectorAll('.card__check')[at]
        .dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...how }))";
    tab.eval(&format!("({press})(0, {{}})")).await;
    tab.until("document.body.innerText.includes('1 picture selected')", "one is selected").await;
    tab.eval(&format!("({press})(1, {{ shiftKey: true }})")).await;
    tab.until("document.body.innerText.includes('2 pictures selected')", "two are selected").await;
}

pub async fn share(tab: &Tab) {
    tab.eval("document.querySelector('.card a').click()").await;
    tab.press("button", "Share").await;
    tab.press("button", "Create link").await;
    tab.until("document.querySelector('.shares__url')", "there is a link").await;
    let link = tab.eval("document.querySelector('.shares__url').innerText").await;
    let link = link.as_str().expect("a link").to_owned();
    let prompt = text(&json!({"it": tab.eval("document.querySelector('.details__prompt').innerText").await}), "it");
    let outside = crate::chrome::Chrome::start().await;
    let visitor = outside.tab(Look::PHONE).await;
    visitor.open(&link).await;
    visitor.see("heading", "Made with AI by somebody with Lapidary").await;
    visitor.until("document.querySelector('.shared img.is-loaded')?.naturalWidth > 0", "the picture is there").await;
    let header = "fetch(location.href).then((answer) => answer.headers.get('x-robots-tag'))";
    assert_eq!(visitor.eval(header).await, "noindex, nofollow");
    visitor
        .until("document.querySelector('meta[name=robots]')?.content.includes('noindex')", "it is not to be indexed")
        .await;
    assert_eq!(visitor.eval(&format!("document.body.innerText.includes({})", Value::from(prompt))).await, json!(false));
    assert_eq!(visitor.complaints(0), Vec::<String>::new());
    tab.press("button", "End").await;
    tab.until("document.querySelector('.shares .is-over')", "it is ended").await;
    visitor.reload().await;
    visitor.see("heading", "This link does not show a picture any more").await;
}

#[actix_web::test]
async fn the_gallery_works_by_keyboard_alone() {
    let stage = Stage::set().await;
    let tab = stage.chrome.tab(Look::WIDE).await;
    enter(&tab, &stage.app.url, "GitHub", "Ada Lovelace").await;
    make_pictures(&stage.app.person("Ada Lovelace").await).await;
    tab.open(&stage.at("/gallery")).await;
    see_picture(&tab, PICTURES[5].0).await;
    press_key(&tab, "/", "Slash", 0).await;
    tab.until("document.activeElement.matches('[data-search]')", "/ goes to the search").await;
    tab.write("fox").await;
    see_count(&tab, "2 pictures,").await;
    tab.key("Escape", false).await;
    see_count(&tab, "6 pictures,").await;
    tab.eval("document.querySelector('.card a').focus()").await;
    press_key(&tab, "ArrowRight", "ArrowRight", 0).await;
    tab.until(
        "document.activeElement.closest('.card') === document.querySelectorAll('.card')[1]",
        "the next has the focus",
    )
    .await;
    tab.key("Space", false).await;
    tab.until("document.body.innerText.includes('1 picture selected')", "space selects").await;
    press_key(&tab, "ArrowRight", "ArrowRight", 8).await;
    tab.until("document.body.innerText.includes('2 pictures selected')", "shift and an arrow select more").await;
    tab.key("a", true).await;
    tab.until("document.body.innerText.includes('6 pictures selected')", "Ctrl+A selects all").await;
    tab.key("Escape", false).await;
    tab.until("!document.querySelector('.selected')", "Esc selects nothing").await;
    tab.eval("document.querySelector('.card a').focus()").await;
    tab.key("Space", false).await;
    press_key(&tab, "Delete", "Delete", 0).await;
    see_count(&tab, "5 pictures,").await;
    tab.press("button", "Undo").await;
    see_count(&tab, "6 pictures,").await;
    tab.eval("document.querySelector('.card a').focus()").await;
    tab.key("Enter", false).await;
    tab.see("button", "Download").await;
    let first = tab.eval("location.pathname").await;
    press_key(&tab, "ArrowRight", "ArrowRight", 0).await;
    tab.until(
        &format!("location.pathname !== {first} && document.querySelector('.details__prompt')"),
        "the older one is there",
    )
    .await;
    tab.key("Escape", false).await;
    tab.see("heading", "Gallery").await;
    assert_eq!(tab.complaints(0), Vec::<String>::new());
    stage.clear().await;
}

/// With `modifiers` 8 shift is held.
async fn press_key(tab: &Tab, key: &str, code: &str, modifiers: i64) {
    let mut down = json!({"type": "keyDown", "key": key, "code": code, "modifiers": modifiers});
    if key == "/" {
        down["text"] = json!("/");
    }
    tab.call("Input.dispatchKeyEvent", down.clone()).await;
    down["type"] = json!("keyUp");
    tab.call("Input.dispatchKeyEvent", down).await;
}
