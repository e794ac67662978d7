//! axe-core, the rules by which pages are judged for those who see, hear or use them otherwise.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::driver::Browser;

/// Its script; none, said out loud, where npm is not there or cannot bring it.
pub fn script() -> Option<String> {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-core-4");
    let file = kept.join("node_modules/axe-core/axe.min.js");
    if !file.exists() && !install(&kept) {
        eprintln!("skipped: axe-core cannot be installed by npm");
        return None;
    }
    Some(std::fs::read_to_string(file).unwrap())
}

/// Installs beside its place, so that one that broke off is never taken for whole.
fn install(kept: &Path) -> bool {
    let place = kept.parent().unwrap();
    std::fs::create_dir_all(place).unwrap();
    let fresh = tempfile::tempdir_in(place).unwrap();
    let npm = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", ".", "axe-core@4"])
        .current_dir(fresh.path())
        .output();
    if !npm.is_ok_and(|npm| npm.status.success()) {
        return false;
    }
    let _ = std::fs::remove_dir_all(kept);
    std::fs::rename(fresh.keep(), kept).is_ok() || kept.exists()
}

/// What axe finds on the page that is open: each serious or critical finding with its places.
/// `rules` limits it to some.
pub async fn findings(browser: &Browser, script: &str, rules: Option<&[&str]>) -> Vec<String> {
    let has = browser.eval("return typeof axe === 'object'").await;
    if has != true {
        browser.client.execute(&format!("{script}; window.axe = axe;"), vec![]).await.unwrap();
    }
    let options = match rules {
        Some(rules) => serde_json::json!({ "runOnly": rules, "resultTypes": ["violations"] }),
        None => serde_json::json!({ "resultTypes": ["violations"] }),
    };
    let run = "const [options, done] = arguments;
        axe.run(document, options).then((found) => done(found.violations), (error) => done([{
            impact: 'critical', id: String(error), nodes: [] }]));";
    let found = browser.client.execute_async(run, vec![options]).await.unwrap();
    let serious = |one: &&Value| matches!(one["impact"].as_str(), Some("serious" | "critical"));
    found.as_array().unwrap().iter().filter(serious).map(told).collect()
}

fn told(finding: &Value) -> String {
    let places = finding["nodes"].as_array().cloned().unwrap_or_default();
    let places: Vec<String> = places
        .iter()
        .take(3)
        .map(|node| {
            format!(
                "{} ({})",
                node["html"].as_str().unwrap_or_default(),
                node["any"][0]["message"].as_str().unwrap_or_default()
            )
        })
        .collect();
    format!("{}: {}", finding["id"].as_str().unwrap_or_default(), places.join("; "))
}
