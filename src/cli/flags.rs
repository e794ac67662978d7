//! The settings of a server as its help page tells them: each with its value and where that is from.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};

use super::serve::Serve;
use super::settings::Settings;
use crate::web::{Flag, Origin};

/// Every setting of the server. `settings` and `serve` are what was read of either group.
pub(super) fn of_server(settings: &ArgMatches, serve: &ArgMatches) -> Vec<Flag> {
    let groups = [
        (Settings::augment_args(Command::new("settings")), settings),
        (Serve::augment_args(Command::new("serve")), serve),
    ];
    let told = groups.iter().flat_map(|(group, matches)| group.get_arguments().map(|arg| flag(arg, matches)));
    told.flatten().collect()
}

/// None for an argument that is no setting of a server.
fn flag(arg: &Arg, matches: &ArgMatches) -> Option<Flag> {
    let name = arg.get_long().filter(|name| *name != "json")?;
    let id = arg.get_id().as_str();
    let given = matches.try_get_raw(id).ok().flatten();
    let values: Vec<String> = given.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect();
    let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
    let origin = match (matches.value_source(id), variable) {
        (Some(ValueSource::CommandLine), _) => Origin::Flag,
        (Some(ValueSource::EnvVariable), Some(variable)) => Origin::Environment(variable),
        _ => Origin::Default,
    };
    let takes = arg.get_action().takes_values().then(|| arg.get_value_names()?.first().map(ToString::to_string));
    Some(Flag {
        name: name.to_owned(),
        takes: takes.flatten().unwrap_or_default(),
        value: values.join(", "),
        origin,
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    fn read(arguments: &[&str]) -> Vec<Flag> {
        let command = Serve::augment_args(Settings::augment_args(Command::new("backstitch")));
        let matches = command.try_get_matches_from([&["backstitch"], arguments].concat()).unwrap();
        of_server(&matches, &matches)
    }

    fn find<'a>(flags: &'a [Flag], name: &str) -> &'a Flag {
        flags.iter().find(|flag| flag.name == name).unwrap()
    }

    #[test]
    fn each_setting_is_told_with_its_value_and_where_that_is_from() {
        let flags = read(&["--keep-periodic", "7", "--allowed-host", "a.example,b.example", "--snapshot-unchanged"]);
        let keep = find(&flags, "keep-periodic");
        assert_eq!((keep.value.as_str(), &keep.origin, keep.takes.as_str()), ("7", &Origin::Flag, "N"));
        assert_eq!(keep.help, "How many checkpoints are kept");
        assert_eq!(find(&flags, "allowed-host").value, "a.example, b.example");
        let unchanged = find(&flags, "snapshot-unchanged");
        assert_eq!((unchanged.value.as_str(), unchanged.takes.as_str()), ("true", ""));
        assert_eq!(find(&flags, "keep-rewind").value, "14d");
        assert_eq!(find(&flags, "registry").value, "");
        assert!(!flags.iter().any(|flag| flag.name == "json"));
    }
}
