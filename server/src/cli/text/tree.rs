//! A tree with lines.

use std::fmt;

/// A text with branches under it.
#[derive(Default)]
pub(crate) struct Tree {
    /// What stands here.
    pub(crate) text: String,
    /// What hangs below.
    pub(crate) branches: Vec<Tree>,
}

impl Tree {
    fn write(&self, f: &mut fmt::Formatter<'_>, before: &str) -> fmt::Result {
        for (number, branch) in self.branches.iter().enumerate() {
            let last = number + 1 == self.branches.len();
            let (knot, beside) = match last {
                true => ("└─ ", "   "),
                false => ("├─ ", "│  "),
            };
            writeln!(f, "{before}{knot}{}", branch.text)?;
            branch.write(f, &format!("{before}{beside}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.write(f, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_hang_below_on_lines() {
        let leaf = |text: &str| Tree {
            text: text.to_owned(),
            branches: Vec::new(),
        };
        let tree = Tree {
            text: "a".to_owned(),
            branches: vec![
                Tree {
                    text: "b".to_owned(),
                    branches: vec![leaf("c")],
                },
                leaf("d"),
            ],
        };
        assert_eq!(tree.to_string(), "a\n├─ b\n│  └─ c\n└─ d\n");
    }
}
