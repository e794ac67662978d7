//! What every page is like in a browser: narrow, dark, for those who use it otherwise, and small.

use super::axe;
use super::driver::{Browser, Scheme, Script};
use super::house::House;
use crate::support::Server;

/// What a page may bring with it the first time, in bytes, all of its files included.
const MOST_BYTES: u64 = 60_000;
/// From the narrowest phone to a window from which pages have two columns.
const WIDTHS: [u64; 5] = [320, 360, 640, 768, 1024];
/// Everything that came for the page that is open, with its headers.
const TRANSFERRED: &str =
    "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter((one) => !one.name.endsWith('/progress')).reduce((sum, one) => sum + one.transferSize, 0)";

/// Opens all that can be opened, and closes it again.
const OPENED: &str =
    "document.querySelectorAll('details:not([open])').forEach((one) => { one.open = true; one.dataset.was = ''; });";
const CLOSED: &str = "document.querySelectorAll('[data-was]').forEach((one) => { one.open = false; })";

/// Where the page is wider than its window, what makes it so.
const TOO_WIDE: &str = "const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const told = (one) => `${one.tagName}.${one.className} ${one.getBoundingClientRect().right} ${one.textContent.trim().slice(0, 40)}`;
    return [root.scrollWidth, ...[...document.querySelectorAll('body *')]
        .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 0.5).map(told).slice(0, 4)]";

/// What is narrower than what it holds, or lies on something else: a table that scrolls within its
/// own box, labels of the timeline that touch, and a head that takes two lines where one is enough.
const CROWDED: &str = "const boxes = [...document.querySelectorAll('.wide-table')]
        .filter((one) => one.scrollWidth > one.clientWidth).map((one) => `a table of ${one.scrollWidth} px`);
    const labels = [...document.querySelectorAll('.seam text')].filter((one) => one.getClientRects().length > 0)
        .map((one) => [one.textContent, one.getBoundingClientRect()]);
    const touch = (a, b) => a.left < b.right + 4 && b.left < a.right + 4 && a.top < b.bottom - 4 && b.top < a.bottom - 4;
    const touching = labels.flatMap(([text, a], at) => labels.slice(at + 1)
        .filter(([, b]) => touch(a, b)).map(([other]) => `${text} touches ${other}`));
    const head = document.querySelector('.head-row').getBoundingClientRect().height;
    return [...boxes, ...touching, ...(innerWidth >= 768 && head > 60 ? [`a head of ${head} px`] : [])]";

/// Texts under 13 pixels. A count within a mark is told by the mark's title as well.
const SMALL_PRINT: &str = "return [...document.querySelectorAll('body *')]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((one) => !one.matches('.many-count'))
    .filter((one) => parseFloat(getComputedStyle(one).fontSize) < 12.99 && one.getClientRects().length > 0)
    .map((one) => `${one.tagName}.${one.className} ${getComputedStyle(one).fontSize}`).slice(0, 3)";

/// Looks at one page in every way.
async fn look(browser: &Browser, axe: Option<&str>, name: &str, url: &str) -> Vec<String> {
    let mut found = Vec::new();
    browser.prefer(Scheme::Light).await;
    browser.see(url).await;
    for width in WIDTHS {
        browser.resize(width, 800).await;
        browser.painted().await;
        let wide = browser.eval(TOO_WIDE).await;
        if wide != serde_json::json!([]) {
            found.push(format!("{name} is too wide for {width} px: {wide}"));
        }
        let wide = browser.eval(&format!("{OPENED} {TOO_WIDE}")).await;
        if wide != serde_json::json!([]) {
            found.push(format!("{name} is too wide for {width} px when all of it is opened: {wide}"));
        }
        browser.eval(CLOSED).await;
        let crowded = browser.eval(CROWDED).await;
        if crowded != serde_json::json!([]) {
            found.push(format!("{name} is crowded at {width} px: {crowded}"));
        }
    }
    browser.resize(360, 800).await;
    let small = browser.eval(SMALL_PRINT).await;
    if small != serde_json::json!([]) {
        found.push(format!("{name} is too small to read: {small}"));
    }
    let bytes = browser.eval(TRANSFERRED).await.as_u64().unwrap();
    if !(1_000..=MOST_BYTES).contains(&bytes) {
        found.push(format!("{name}: {bytes} bytes"));
    }
    for said in browser.complaints().await {
        // The page of an error is one itself; the browser complains of its status.
        if !(said.contains("404") || said.contains("422")) {
            found.push(format!("{name}: {said}"));
        }
    }
    if let Some(script) = axe {
        found.extend(axe::findings(browser, script, None).await.into_iter().map(|one| format!("{name}: {one}")));
        browser.prefer(Scheme::Dark).await;
        let dark = axe::findings(browser, script, Some(&["color-contrast", "link-in-text-block"])).await;
        found.extend(dark.into_iter().map(|one| format!("{name}, dark: {one}")));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_is_small_and_has_no_serious_finding_in_light_and_dark() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let axe = axe::script();
    let house = House::open();
    browser.tell("Network.enable", serde_json::json!({})).await;
    browser.tell("Network.setCacheDisabled", serde_json::json!({ "cacheDisabled": true })).await;
    let mut found = Vec::new();
    for (name, path) in &house.pages {
        found.extend(look(&browser, axe.as_deref(), name, &house.url(path)).await);
    }
    house.pause();
    house.server.get("/health");
    found.extend(look(&browser, axe.as_deref(), "paused", &house.url("")).await);
    let empty = tempfile::tempdir().unwrap();
    let server = Server::start(empty.path(), &[]);
    for (name, path) in [
        ("empty", ""),
        ("empty snapshots", "snapshots"),
        ("empty history", "history"),
        ("empty events", "events"),
        ("empty backups", "backups"),
    ] {
        found.extend(look(&browser, axe.as_deref(), name, &format!("{}/{path}", server.address)).await);
    }
    browser.close().await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fingers_find_targets_of_44_pixels_on_every_page() {
    let Some(browser) = Browser::start_on_a_phone().await else { return };
    let house = House::open();
    // A link within a sentence is as high as its line, as everywhere.
    let small = "const inSentence = (one) => one.matches('p a, li a, dd a, td a, dt a, caption a, h1 a') && !one.closest('nav');
        return [...document.querySelectorAll('button, input:not([type=hidden]), select, summary, nav a, .brand')]
            .filter((one) => !inSentence(one) && one.getClientRects().length > 0)
            .map((one) => (one.closest('.option, label.check') ?? one))
            .filter((one) => one.getBoundingClientRect().height < 43.5)
            .map((one) => one.outerHTML.slice(0, 120) + ' ' + one.getBoundingClientRect().height)";
    let mut found = Vec::new();
    for (name, path) in &house.pages {
        browser.see(&house.url(path)).await;
        let ones = browser.eval(small).await;
        found.extend(ones.as_array().unwrap().iter().map(|one| format!("{name}: {one}")));
    }
    let said = browser.complaints().await;
    browser.close().await;
    assert!(found.is_empty(), "{}\n{said:?}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_comes_to_the_content_first_and_sees_where_it_is() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let house = House::open();
    browser.see(&house.url("snapshots")).await;
    browser.press("\u{e004}").await;
    assert_eq!(browser.eval("return document.activeElement.textContent").await, "Skip to the content");
    let outline = browser.eval("const style = getComputedStyle(document.activeElement); return [style.outlineStyle, style.outlineWidth, style.outlineOffset]").await;
    assert_eq!(outline, serde_json::json!(["solid", "2px", "2px"]));
    assert_eq!(browser.eval("return document.activeElement.getBoundingClientRect().top >= 0").await, true);
    browser.press("\u{e007}").await;
    assert_eq!(browser.eval("return document.activeElement.id").await, "main");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_of_the_system_lose_no_mark_and_no_border() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let house = House::open();
    let features = serde_json::json!({ "features": [{ "name": "forced-colors", "value": "active" }] });
    browser.tell("Emulation.setEmulatedMedia", features).await;
    browser.see(&house.url("help/components")).await;
    assert_eq!(browser.eval("return matchMedia('(forced-colors: active)').matches").await, true);
    let borders = "return [...document.querySelectorAll('main button, main input:not([type=hidden]), main progress, main .result, main .alert, main .row')]
        .filter((one) => getComputedStyle(one).borderLeftWidth === '0px' && one.type !== 'radio' && one.type !== 'checkbox').map((one) => one.outerHTML.slice(0, 80))";
    assert_eq!(browser.eval(borders).await, serde_json::json!([]));
    let marks = "return [...document.querySelectorAll('main svg.mark')].filter((one) => one.getBoundingClientRect().width < 12).length";
    assert_eq!(browser.eval(marks).await, 0);
    let paper = "const page = getComputedStyle(document.body).backgroundColor;
        return [...document.querySelectorAll('main svg.mark')].filter((one) => getComputedStyle(one).color === page).length";
    assert_eq!(browser.eval(paper).await, 0, "a mark has the colour of the page");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_moves_for_who_wants_no_motion() {
    let Some(browser) = Browser::start(Script::On).await else { return };
    let house = House::open();
    browser.see(&house.url("help/components")).await;
    let moving = "return [...document.querySelectorAll('*')].filter((one) => {
        const style = getComputedStyle(one);
        return style.animationName !== 'none' || style.transitionDuration.split(',').some((time) => parseFloat(time) > 0);
    }).length";
    let prefer = |motion: &str| {
        let features = serde_json::json!({ "features": [{ "name": "prefers-reduced-motion", "value": motion }] });
        browser.tell("Emulation.setEmulatedMedia", features)
    };
    prefer("no-preference").await;
    browser
        .until("document.readyState === 'complete' && matchMedia('(prefers-reduced-motion: no-preference)').matches")
        .await;
    browser.painted().await;
    assert!(browser.eval(moving).await.as_u64() > Some(0), "colours take a moment");
    prefer("reduce").await;
    browser.until("matchMedia('(prefers-reduced-motion: reduce)').matches").await;
    browser.painted().await;
    assert_eq!(browser.eval(moving).await, 0);
    browser.close().await;
}
