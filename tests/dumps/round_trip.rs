//! What is written comes back as it was.

use backstitch::domain::Domain;
use backstitch::image::Value;
use serde_json::Value as Json;

use super::{Aside, dump, sample_store};
use crate::support::{Random, TestStore, count, seed, shown};

#[test]
fn a_store_that_is_written_loads_equal() {
    for store in [sample_store(), TestStore::with_story(400)] {
        let (conn, aside) = (store.other_program(), Aside::companion());
        let written = dump(&conn, &aside.domain);
        let loaded = aside.load(&written).unwrap();
        assert_eq!(Value::Integer(loaded.last_event_id), store.content()["event_log"].last().unwrap()[0]);
        assert_eq!(aside.content(), shown(store.content()));
        assert_eq!(dump(&aside.conn, &aside.domain), written, "and is written the same");
        let check = "INSERT INTO memories_fts (memories_fts, rank) VALUES ('integrity-check', 1)";
        aside.conn.execute(check, []).unwrap();
    }
}

#[test]
fn an_empty_store_is_a_dump_too() {
    let (from, to) = (Aside::companion(), Aside::companion());
    let written = dump(&from.conn, &from.domain);
    assert!(written.starts_with(b"{\"last_event_id\": 0, \"event_log\": [], \"bots\": [], \"you_entity\": []"));
    assert_eq!(to.load(&written).unwrap().last_event_id, 0);
    assert!(to.content().values().all(Vec::is_empty));
}

#[test]
fn rows_and_tables_in_any_order_give_the_same_store() {
    let seed = seed();
    let store = sample_store();
    let aside = Aside::companion();
    let whole: Json = serde_json::from_slice(&dump(&store.other_program(), &aside.domain)).unwrap();
    for case in 0..20 {
        let mut random = Random::new(seed.wrapping_add(case));
        let mut keys: Vec<&String> = whole.as_object().unwrap().keys().skip(1).collect();
        random.shuffle(&mut keys);
        let mut shuffled = serde_json::Map::from_iter([("last_event_id".to_owned(), whole["last_event_id"].clone())]);
        for key in keys {
            let mut rows = whole[key].as_array().unwrap().clone();
            random.shuffle(&mut rows);
            shuffled.insert(key.clone(), rows.into());
        }
        let aside = Aside::companion();
        let pretty = serde_json::to_vec_pretty(&shuffled).unwrap();
        aside.load(&pretty).unwrap();
        assert_eq!(aside.content(), shown(store.content()), "case {case}");
    }
}

/// Columns of every affinity, which keep what SQLite lets them.
const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b REAL, c INTEGER, d TEXT, e NUMERIC, f BLOB)";

#[test]
fn every_value_that_can_be_said_comes_back_bit_for_bit() {
    let seed = seed();
    let files = [("domain.toml", "name = \"values\"\ntables = [\"t\"]"), ("schema.sql", TABLE)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let domain = Domain::from_files(files.into()).unwrap();
    let (from, to) = (Aside::of(domain.clone()), Aside::of(domain));
    for case in 0..count("BACKSTITCH_CASES", 2_000) {
        let mut random = Random::new(seed.wrapping_add(case.into()));
        let row: Vec<Value> = (0..6).map(|_| value(&mut random)).collect();
        let sql = "INSERT INTO t (a, b, c, d, e, f) VALUES (?, ?, ?, ?, ?, ?)";
        from.conn.execute(sql, rusqlite::params_from_iter(&row)).unwrap();
    }
    to.load(&dump(&from.conn, &from.domain)).unwrap();
    assert_eq!(to.content(), from.content());
}

fn value(random: &mut Random) -> Value {
    let reals = [0.0, -0.0, 1.0, 1e16, 9.3e18, -9_223_372_036_854_775_808.0, f64::INFINITY, f64::NEG_INFINITY, 5e-324];
    let texts =
        ["", "1", " 1.5", "-0", "inf", "1e999", "null", "\0", "\u{7f}\u{2028}", "\u{1f600}é", "\"\\/\n", "\u{feff}"];
    match random.below(7) {
        0 => Value::Null,
        1 => Value::Integer(random.number() as i64),
        2 => Value::Integer(*random.pick(&[i64::MIN, i64::MAX, 0, -1, (1 << 53) + 1])),
        3 => Value::Real(*random.pick(&reals)),
        4 => Value::Real(Some(f64::from_bits(random.number())).filter(|real| !real.is_nan()).unwrap_or(0.1 + 0.2)),
        5 => Value::Text(random.pick(&texts).as_bytes().to_vec()),
        _ => {
            let characters = (0..random.below(9)).filter_map(|_| char::from_u32(random.below(0x11_0000) as u32));
            Value::Text(characters.collect::<String>().into_bytes())
        }
    }
}
