//! Random damage to the files of a real snapshot: each is refused, or harmless.
//!
//! `BACKSTITCH_CASES` (2,000) raises the count, `BACKSTITCH_SEED` repeats a run.

use std::path::PathBuf;

use backstitch::error::{Error, ErrorKind};
use backstitch::history::Means;
use backstitch::snapshot::{Restored, Scope};

use super::{Fixture, chunk_files, write};
use crate::support::{Content, Random, count, seed};

/// Files as they are to be; none: not there.
type Planted = Vec<(PathBuf, Option<Vec<u8>>)>;

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    FlipBit,
    SetByte,
    Cut,
    CutFront,
    Double,
    Insert,
    Append,
    Swap,
    Copy,
    Empty,
    Delete,
}

use Mutation::*;

const MUTATIONS: [Mutation; 13] =
    [FlipBit, FlipBit, FlipBit, SetByte, Cut, CutFront, Double, Insert, Append, Swap, Copy, Empty, Delete];

#[test]
fn a_damaged_snapshot_is_refused_or_the_damage_is_harmless() {
    let (cases, seed) = (count("BACKSTITCH_CASES", 2_000), seed());
    let fixture = Fixture::of(40);
    let manifest = fixture.manifest(&fixture.then);
    let with_bytes = |path: PathBuf| (path.clone(), std::fs::read(path).unwrap());
    let files = Files {
        manifest: with_bytes(manifest),
        chunks: chunk_files(&fixture.folder()).into_iter().map(with_bytes).collect(),
    };
    let mut seen = Seen::default();
    for case in 0..cases {
        let mut random = Random::new(seed.wrapping_add(case.into()));
        let planted = files.mutate(&mut random);
        let trial = Trial { fixture: &fixture, planted: &planted };
        trial.run(&mut random, &mut seen);
        files.put_back(&planted);
        let listed = fixture.listed(&fixture.then).expect("the snapshot is back");
        assert_eq!(listed.damaged, None, "case {case}: what was put back is sound again");
    }
    assert!(seen.refused > seen.harmless && seen.harmless > 0, "{seen:?}");
}

#[derive(Debug, Default)]
struct Seen {
    refused: u32,
    harmless: u32,
}

/// What a snapshot is made of, as it was written.
struct Files {
    manifest: (PathBuf, Vec<u8>),
    chunks: Vec<(PathBuf, Vec<u8>)>,
}

impl Files {
    fn mutate(&self, random: &mut Random) -> Planted {
        let other = random.pick(&self.chunks);
        let (path, bytes) = if random.below(6) == 0 { &self.manifest } else { random.pick(&self.chunks) };
        let (mut changed, at) = (bytes.clone(), random.below(bytes.len()));
        match random.pick(&MUTATIONS) {
            FlipBit => changed[at] ^= 1 << random.below(8),
            SetByte => changed[at] = random.number() as u8,
            Cut => changed.truncate(at),
            CutFront => drop(changed.drain(..=at)),
            Double => changed.extend_from_slice(bytes),
            Insert => changed.insert(at, random.number() as u8),
            Append => changed.extend_from_slice(&random.number().to_le_bytes()[..1 + random.below(8)]),
            Swap => return vec![(path.clone(), Some(other.1.clone())), (other.0.clone(), Some(bytes.clone()))],
            Copy => changed = other.1.clone(),
            Empty => changed.clear(),
            Delete => return vec![(path.clone(), None)],
        }
        vec![(path.clone(), Some(changed))]
    }

    /// Every file that was touched, as it was.
    fn put_back(&self, planted: &Planted) {
        for (path, bytes) in self.chunks.iter().chain([&self.manifest]) {
            if planted.iter().any(|(touched, _)| touched == path) {
                write(path, bytes);
            }
        }
    }
}

fn write_all(planted: &Planted) {
    for (path, bytes) in planted {
        match bytes {
            Some(bytes) => write(path, bytes),
            None => std::fs::remove_file(path).unwrap_or_default(),
        }
    }
}

/// One damage, and everything that may meet it.
struct Trial<'a> {
    fixture: &'a Fixture,
    planted: &'a Planted,
}

impl Trial<'_> {
    /// In random order, and with the damage there for each: the first that reads it sets it aside.
    fn run(&self, random: &mut Random, seen: &mut Seen) {
        let mut trials = [0, 1, 2];
        random.shuffle(&mut trials);
        let scope = *random.pick(&[Scope::Projections, Scope::Everything]);
        let fixture = self.fixture;
        for trial in trials {
            write_all(self.planted);
            let refused = match trial {
                0 => self.refusal(fixture.verify(&fixture.then)),
                1 => self.refusal(fixture.preview(&fixture.then, scope).map(|_| ())),
                _ => self.restore(scope),
            };
            seen.refused += u32::from(refused);
            seen.harmless += u32::from(!refused);
            fixture.listed(&fixture.then);
        }
    }

    /// Whether it was refused; a refusal says that the snapshot is damaged, or gone.
    fn refusal(&self, outcome: Result<(), Error>) -> bool {
        let Err(error) = outcome else { return false };
        let gone = self.planted.iter().any(|(path, bytes)| bytes.is_none() && path.extension().unwrap() == "json");
        let expected = if gone { ErrorKind::NotFound } else { ErrorKind::Damaged };
        assert_eq!(error.kind(), expected, "{error}: {}", self.told());
        true
    }

    fn restore(&self, scope: Scope) -> bool {
        let fixture = self.fixture;
        match fixture.restore(&fixture.then, scope) {
            Ok(restored) => {
                assert_eq!(fixture.content(), self.expected(scope), "restored other rows: {}", self.told());
                self.undo(&restored);
                false
            }
            Err(error) => {
                let refused = self.refusal(Err(error));
                assert_eq!(fixture.content(), fixture.of_now, "the live store has changed: {}", self.told());
                refused
            }
        }
    }

    fn expected(&self, scope: Scope) -> Content {
        let mut expected = self.fixture.of_then.clone();
        if scope == Scope::Projections {
            expected.insert("event_log".into(), self.fixture.of_now["event_log"].clone());
        }
        expected
    }

    /// The safety snapshot brings everything back though the damage is still there: what it relies
    /// on was read when it was taken.
    fn undo(&self, restored: &Restored) {
        let engine = &self.fixture.store.engine;
        let (id, kind) = (&restored.safety_snapshot.snapshot_id, restored.safety_snapshot.kind);
        let safety = engine.snapshot(kind, id).unwrap();
        let back = self.fixture.restore(&safety, Scope::Everything).unwrap();
        assert_eq!(self.fixture.content(), self.fixture.of_now);
        engine.delete(kind, id, Means::Command).unwrap();
        engine.delete(kind, &back.safety_snapshot.snapshot_id, Means::Command).unwrap();
    }

    fn told(&self) -> String {
        let file = |(path, bytes): &(PathBuf, Option<Vec<u8>>)| {
            format!("{} with {:?} bytes", path.display(), bytes.as_ref().map(Vec::len))
        };
        self.planted.iter().map(file).collect::<Vec<_>>().join(", ")
    }
}
