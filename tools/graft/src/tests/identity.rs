// SPDX-License-Identifier: GPL-2.0
//! Undo after apply is the identity, whatever the files and edits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::Fixture;

/// An edit, by the line of the file whose words it anchors at.
#[derive(Clone, Debug)]
struct Made {
    file: usize,
    line: usize,
    place: &'static str,
    whole_line: bool,
    text: String,
}

fn made() -> impl Strategy<Value = Made> {
    let place = prop_oneof![Just("before"), Just("after"), Just("replace")];
    (
        0usize..8,
        0usize..8,
        place,
        any::<bool>(),
        "[a-z \t\n]{1,12}",
    )
        .prop_map(|(file, line, place, whole_line, text)| Made {
            file,
            line,
            place,
            whole_line,
            text,
        })
}

/// Names from few letters, so that kernel, overlay and edits often meet in a directory.
fn files() -> impl Strategy<Value = BTreeMap<String, String>> {
    let name = "(drivers|rust|samples)(/[ab]){0,2}/[c-e]\\.rs";
    let text = "([a-d]{1,2}\n){0,6}[a-d]{0,2}";
    proptest::collection::btree_map(name, text, 0..6)
}

fn toml(kernel: &[(&String, &String)], edits: &[Made]) -> String {
    let mut all = String::new();
    for made in edits {
        let Some((file, text)) = kernel.get(made.file % kernel.len().max(1)) else {
            continue;
        };
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        let Some(anchor) = lines.get(made.line % lines.len().max(1)) else {
            continue;
        };
        let edit: toml::Table = [
            ("file", toml::Value::from(file.as_str())),
            ("anchor", (*anchor).into()),
            ("place", made.place.into()),
            ("text", made.text.as_str().into()),
            ("whole_line", made.whole_line.into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect();
        all.push_str(&format!("[[edit]]\n{edit}\n"));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn undo_after_apply(
        kernel in files(),
        first in files(),
        second in files(),
        edits in proptest::collection::vec(made(), 0..4),
        more in proptest::collection::vec(made(), 0..4),
    ) {
        let fixture = Fixture::new();
        for (file, text) in &kernel {
            fixture.kernel(file, text);
        }
        let pristine = fixture.snapshot();
        let kernel: Vec<_> = kernel.iter().collect();

        for (overlay, edits) in [(&first, &edits), (&second, &more)] {
            // The second overlay is another one: what only the first had must go.
            for dir in ["drivers", "rust", "samples"] {
                let _ = std::fs::remove_dir_all(fixture.overlay().join(dir));
            }
            for (file, text) in overlay {
                fixture.ours(file, text);
            }
            fixture.ours("tools/graft/edits/more.toml", &toml(&kernel, edits));
            let before = fixture.snapshot();
            match fixture.apply() {
                Ok(_) => {
                    let grafted = fixture.snapshot();
                    prop_assert!(fixture.apply().unwrap().written.is_empty());
                    prop_assert_eq!(fixture.snapshot(), grafted);
                }
                Err(_) => prop_assert_eq!(fixture.snapshot(), before),
            }
        }
        fixture.undo().unwrap();
        prop_assert_eq!(fixture.snapshot(), pristine);
    }
}
