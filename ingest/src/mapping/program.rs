//! A mapping as it is written, and as it runs.

use std::collections::BTreeSet;

use jaq_core::load::lex::{Lexer, Token};
use jaq_core::load::parse::{Def, Parser, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::Fun;
use jaq_core::{Compiler, Filter};
use thiserror::Error;

use super::meter::{self, Bounded};
use super::metered::Natives;
use super::thread;

/// Longest file of a mapping.
pub(super) const CODE_BYTES_MAX: usize = 32 * 1024;
/// What the filter of a file is called among the definitions.
const MAIN: &str = "main";
/// What would reach out of the mapping, stop the server, or tell one machine from another.
const REFUSED: [&str; 14] = [
    "debug",
    "debug_empty",
    "env",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "input_filename",
    "localtime",
    "now",
    "stderr",
    "stderr_empty",
    "strflocaltime",
    "get_search_list",
];

/// Why a file is no mapping.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{reason}", place(*.at))]
pub struct Broken {
    /// Line and column, where it is known.
    pub at: Option<(usize, usize)>,
    /// What is wrong.
    pub reason: String,
}

fn place(at: Option<(usize, usize)>) -> String {
    match at {
        Some((line, column)) => format!("line {line}, column {column}: "),
        None => String::new(),
    }
}

/// A filter that is ready to run.
pub(super) struct Program(pub(super) Filter<Bounded>);

impl Program {
    /// Compiles a filter. It reads no file and no variable of the environment, then or later.
    pub(super) fn compile(code: &str) -> Result<Self, Broken> {
        if CODE_BYTES_MAX < code.len() {
            let reason = format!("a mapping has at most {CODE_BYTES_MAX} bytes");
            return Err(Broken { at: None, reason });
        }
        let code = code.to_owned();
        let compiled = thread::with_stack(move || compile(&code).map(Self));
        compiled.unwrap_or_else(|fell| {
            Err(Broken {
                at: None,
                reason: fell.to_string(),
            })
        })
    }
}

fn compile(code: &str) -> Result<Filter<Bounded>, Broken> {
    let tokens = Lexer::new(code).lex().map_err(|errors| {
        let first = errors.first().map(|(expected, rest)| {
            let reason = format!("expected {}", expected.as_str());
            broken(code, rest, reason)
        });
        first.unwrap_or_else(|| broken(code, code, "is no filter".to_owned()))
    })?;
    let main: Term<&str> = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let first = errors.first().map(|(expected, found)| {
            let found = Token::opt_as_str(*found, code);
            let instead = match found.split_whitespace().next() {
                Some(word) => format!(", found {}", crate::fields::shortened(word, 64)),
                None => String::new(),
            };
            {
                let expected = match expected.as_str() {
                    "nothing" => "the end",
                    other => other,
                };
                broken(code, found, format!("expected {expected}{instead}"))
            }
        });
        first.unwrap_or_else(|| broken(code, code, "is no filter".to_owned()))
    })?;
    let natives: Vec<Fun<Bounded>> = natives().collect();
    let counted = Natives(
        natives
            .iter()
            .map(|(name, arguments, _)| (*name, arguments.len()))
            .collect::<BTreeSet<_>>(),
    );
    let main = Def {
        name: MAIN,
        args: Vec::new(),
        body: main,
    };
    let mut defs: Vec<Def<&str>> = library().collect();
    defs.push(main);
    let defs = defs.into_iter().map(|def| counted.definition(def));
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(
            &arena,
            File {
                code: MAIN,
                path: (),
            },
        )
        .map_err(|_errors| broken(code, code, "is no filter".to_owned()))?;
    let compiled = Compiler::default()
        .with_funs(natives.into_iter().chain(meter::funs()))
        .compile(modules);
    compiled.map_err(|errors| {
        let undefined = errors.into_iter().flat_map(|(_, undefined)| undefined);
        let first = undefined.into_iter().next().map(|(name, kind)| {
            let shown = crate::fields::shortened(name, 64);
            let reason = match REFUSED.contains(&name) {
                true => format!("{shown} is not there: a mapping knows its input only"),
                false => format!("the {} {shown} is not defined", kind.as_str()),
            };
            broken(code, name, reason)
        });
        first.unwrap_or_else(|| broken(code, code, "is no filter".to_owned()))
    })
}

fn natives() -> impl Iterator<Item = Fun<Bounded>> {
    let all = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    all.filter(|(name, _, _)| !REFUSED.contains(name))
}

fn library() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    all.filter(|def| !REFUSED.contains(&def.name))
}

/// What is wrong at a part of the code; a part from elsewhere has no place.
fn broken(code: &str, part: &str, reason: String) -> Broken {
    let begin = part.as_ptr().addr().checked_sub(code.as_ptr().addr());
    let before = begin.and_then(|begin| code.get(..begin));
    let at = before.map(|before| {
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        (line, last.chars().count() + 1)
    });
    Broken { at, reason }
}
