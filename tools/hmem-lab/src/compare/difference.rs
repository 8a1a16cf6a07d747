// SPDX-License-Identifier: GPL-2.0

//! What two snapshots differ in.

use std::collections::BTreeSet;

use super::facts::{Attributes, Facts};

/// One difference. A side that does not know the object, or the attribute, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// sysfs, daxctl, cxl, iomem, modules or log.
    pub kind: &'static str,
    /// What lies there, called by address.
    pub object: String,
    /// Which attribute; empty where one side lacks the object.
    pub attribute: String,
    /// What the C driver shows.
    pub c: Option<String>,
    /// What ours shows.
    pub rust: Option<String>,
}

/// All differences, and how many facts are the same in both.
pub fn between(c: &Facts, rust: &Facts) -> (Vec<Difference>, usize) {
    let (mut differences, mut same) = (Vec::new(), 0);
    let objects: BTreeSet<_> = c.objects().keys().chain(rust.objects().keys()).collect();
    for key in objects {
        let of = |attribute: &str, c: Option<String>, rust: Option<String>| Difference {
            kind: key.0,
            object: key.1.clone(),
            attribute: attribute.to_string(),
            c,
            rust,
        };
        match (c.objects().get(key), rust.objects().get(key)) {
            (Some(c), Some(rust)) => {
                let attributes: BTreeSet<&String> = c.keys().chain(rust.keys()).collect();
                for attribute in attributes {
                    let (c, rust) = (c.get(attribute), rust.get(attribute));
                    if c == rust {
                        same += 1;
                    } else {
                        differences.push(of(attribute, c.cloned(), rust.cloned()));
                    }
                }
            }
            (c, rust) => differences.push(of("", c.map(all), rust.map(all))),
        }
    }
    (differences, same)
}

fn all(attributes: &Attributes) -> String {
    let texts: Vec<String> = attributes
        .iter()
        .map(|(attribute, value)| format!("{attribute}={value}"))
        .collect();
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(list: &[(&'static str, &str, &str, &str)]) -> Facts {
        let mut facts = Facts::default();
        for (kind, object, attribute, value) in list {
            facts.add(kind, object, attribute, value);
        }
        facts
    }

    #[test]
    fn each_kind_of_difference() {
        let c = facts(&[
            ("sysfs", "a", "size", "1"),
            ("sysfs", "a", "node", "0"),
            ("log", "x", "times", "1"),
        ]);
        let rust = facts(&[
            ("sysfs", "a", "size", "2"),
            ("sysfs", "a", "node", "0"),
            ("iomem", "y", "below", "z"),
        ]);
        let (differences, same) = between(&c, &rust);
        let told: Vec<_> = differences
            .iter()
            .map(|d| {
                (
                    d.object.as_str(),
                    d.attribute.as_str(),
                    d.c.as_deref(),
                    d.rust.as_deref(),
                )
            })
            .collect();
        assert_eq!(same, 1);
        assert_eq!(
            told,
            [
                ("y", "", None, Some("below=z")),
                ("x", "", Some("times=1"), None),
                ("a", "size", Some("1"), Some("2"))
            ]
        );
        assert_eq!(between(&c, &c), (Vec::new(), 3));
    }
}
