// SPDX-License-Identifier: GPL-2.0
//! Apply and undo, stopped at every point, and what the next run makes of it.

use super::fixture::{assert_same, Fixture};
use crate::graft::{apply_until, undo_until};
use crate::write::Fuse;
use crate::Options;

/// Runs `job` with ever longer fuses on fresh fixtures until it comes through; `after` sees each
/// interrupted one. Returns how many points there were.
fn at_every_point(
    set_up: impl Fn() -> Fixture,
    job: impl Fn(&Fixture, &mut Fuse) -> crate::Result<()>,
    mut after: impl FnMut(&Fixture, usize),
) -> usize {
    for point in 0.. {
        let fixture = set_up();
        match job(&fixture, &mut Fuse(Some(point))) {
            Ok(()) => return point,
            Err(error) => assert!(error.to_string().contains("stopped by a test"), "{error}"),
        }
        after(&fixture, point);
    }
    unreachable!()
}

fn apply(fixture: &Fixture, fuse: &mut Fuse) -> crate::Result<()> {
    apply_until(
        &fixture.tree(),
        &fixture.overlay(),
        Options::default(),
        fuse,
    )
    .map(drop)
}

/// A grafted tree whose overlay has moved on since.
fn moved_on() -> Fixture {
    let fixture = Fixture::new();
    fixture.apply().unwrap();
    fixture.change_edits("config DAX_RUST", "config DAX_IN_RUST");
    fixture.change_edits("rust/lib.rs", "drivers/dax/bus.c");
    fixture.change_edits("pub mod device;", "int bus;");
    fixture.ours("rust/dax.rs", "// new\n");
    fixture.ours("samples/rust/dax.rs", "// sample\n");
    std::fs::remove_dir_all(fixture.overlay().join("drivers/dax/hmem_rs/sub")).unwrap();
    fixture
}

#[test]
fn apply_then_undo() {
    let pristine = Fixture::new().snapshot();
    let points = at_every_point(Fixture::new, apply, |fixture, point| {
        fixture.undo().unwrap();
        assert_same(&fixture.snapshot(), &pristine, &format!("point {point}"));
    });
    assert!(points > 10, "{points}");
}

#[test]
fn apply_then_apply() {
    let whole = Fixture::new();
    whole.apply().unwrap();
    at_every_point(Fixture::new, apply, |fixture, point| {
        fixture.apply().unwrap();
        assert_same(
            &fixture.snapshot(),
            &whole.snapshot(),
            &format!("point {point}"),
        );
    });
}

#[test]
fn update_then_apply_or_undo() {
    let pristine = Fixture::new().snapshot();
    let whole = moved_on();
    whole.apply().unwrap();
    let points = at_every_point(moved_on, apply, |fixture, point| {
        fixture.apply().unwrap();
        assert_same(
            &fixture.snapshot(),
            &whole.snapshot(),
            &format!("point {point}"),
        );
    });
    assert!(points > 10, "{points}");
    at_every_point(moved_on, apply, |fixture, point| {
        fixture.undo().unwrap();
        assert_same(&fixture.snapshot(), &pristine, &format!("point {point}"));
    });
}

#[test]
fn an_interrupted_apply_shows_in_the_status() {
    let mut interrupted = 0;
    at_every_point(Fixture::new, apply, |fixture, _| {
        let status = crate::status(&fixture.tree()).unwrap();
        if status.graft.as_ref().is_some_and(|graft| !graft.complete) {
            assert!(status.to_string().contains("an apply was interrupted"));
            interrupted += 1;
        }
    });
    assert!(interrupted > 3);
}

#[test]
fn stopped_before_the_first_change_there_is_no_trace() {
    let pristine = Fixture::new().snapshot();
    let fixture = Fixture::new();
    apply(&fixture, &mut Fuse(Some(6))).unwrap_err();
    assert_same(&fixture.snapshot(), &pristine, "tree");
}

/// As when the machine goes down before the record is written.
#[test]
fn a_directory_without_a_record_means_nothing() {
    let fixture = Fixture::new();
    let pristine = fixture.snapshot();
    let whole = Fixture::new();
    whole.apply().unwrap();
    let remains = || {
        fixture.kernel(".hmem-graft/stage/0", "half");
        fixture.kernel(".hmem-graft/originals/abc.new", "half");
    };
    remains();
    assert_eq!(fixture.undo().unwrap(), crate::Undone::Nothing);
    assert_same(&fixture.snapshot(), &pristine, "undo");
    remains();
    fixture.apply().unwrap();
    assert_same(&fixture.snapshot(), &whole.snapshot(), "apply");
}

#[test]
fn undo_then_undo_or_apply() {
    let grafted = || {
        let fixture = Fixture::new();
        fixture.apply().unwrap();
        fixture
    };
    let undo =
        |fixture: &Fixture, fuse: &mut Fuse| undo_until(&fixture.tree(), false, fuse).map(drop);
    let pristine = Fixture::new().snapshot();
    let points = at_every_point(grafted, undo, |fixture, point| {
        fixture.undo().unwrap();
        assert_same(&fixture.snapshot(), &pristine, &format!("point {point}"));
    });
    assert!(points > 5, "{points}");
    let whole = grafted().snapshot();
    at_every_point(grafted, undo, |fixture, point| {
        fixture.apply().unwrap();
        assert_same(&fixture.snapshot(), &whole, &format!("point {point}"));
    });
}
