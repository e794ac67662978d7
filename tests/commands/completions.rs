//! `completions`: a script for each shell, which knows the commands.

use std::process::Command;

use super::run;

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(folder.path(), &["completions", shell]).done();
        for word in ["snapshot", "rewind", "--snapshot-events", "--allowed-host"] {
            assert!(script.contains(word.trim_start_matches("--")), "{shell}: {word}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no store is made");
    assert!(run(folder.path(), &["completions", "cmd"]).misused().contains("possible values"));
}

#[test]
fn bash_completes_a_command_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("backstitch.bash");
    std::fs::write(&script, run(folder.path(), &["completions", "bash"]).done()).unwrap();
    let ask = format!(
        "source '{}'; COMP_WORDS=(backstitch snap); COMP_CWORD=1; _backstitch backstitch snap backstitch; echo \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let told = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    assert_eq!(String::from_utf8(told.stdout).unwrap().trim(), "snapshot");
}
