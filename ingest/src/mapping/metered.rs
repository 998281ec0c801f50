//! Puts the counting filters of `meter.rs` into a filter, wherever it could go on or grow. Pure.
//!
//! A filter can go on for ever only by calling a definition, or by drawing from something that
//! yields many: `range`, `.[]`, `..`, `f, g`. It can grow only where something is put together.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::meter::{FLAT, GROWN, MEDIUM, SHORT, STEP, TIMES, WEIGH};

/// A variable that nobody can write.
const FACTOR: &str = "$!factor";
/// What tries regular expressions.
const MATCHING: [&str; 3] = ["matches", "split_matches", "split_"];

type Filter<'s> = Term<&'s str>;

/// Native filters by name and number of arguments.
pub(super) struct Natives(pub(super) BTreeSet<(&'static str, usize)>);

impl Natives {
    /// A definition whose every call is a step.
    pub(super) fn definition<'s>(&self, def: Def<&'s str>) -> Def<&'s str> {
        Def {
            body: then(call(STEP), self.filter(def.body)),
            ..def
        }
    }

    /// A filter that counts.
    pub(super) fn filter<'s>(&self, term: Filter<'s>) -> Filter<'s> {
        match term {
            Term::Id | Term::Num(_) | Term::Var(_) | Term::Break(_) | Term::Arr(None) => term,
            Term::Recurse => then(term, call(STEP)),
            Term::Str(format, parts) => self.text(format, parts),
            Term::Arr(Some(inner)) => then(Term::Arr(Some(self.boxed(*inner))), call(WEIGH)),
            Term::Obj(fields) if fields.is_empty() => Term::Obj(fields),
            Term::Obj(fields) => {
                let fields = fields.into_iter().map(|(name, value)| match value {
                    // `{name}` and `{$name}` have to stay what they are.
                    None => (self.inside(name), None),
                    Some(value) => (self.filter(name), Some(self.filter(value))),
                });
                then(Term::Obj(fields.collect()), call(WEIGH))
            }
            Term::Neg(inner) => Term::Neg(self.boxed(*inner)),
            Term::BinOp(left, op, right) => self.operation(*left, op, *right),
            Term::Label(name, inner) => Term::Label(name, self.boxed(*inner)),
            Term::Fold(name, all, pattern, filters) => Term::Fold(
                name,
                self.boxed(*all),
                self.pattern(pattern),
                self.filters(filters),
            ),
            Term::TryCatch(tried, caught) => {
                Term::TryCatch(self.boxed(*tried), caught.map(|caught| self.boxed(*caught)))
            }
            Term::IfThenElse(cases, otherwise) => {
                let cases = cases.into_iter();
                let cases = cases.map(|(test, then)| (self.filter(test), self.filter(then)));
                Term::IfThenElse(cases.collect(), otherwise.map(|it| self.boxed(*it)))
            }
            Term::Def(defs, inner) => {
                let defs = defs.into_iter().map(|def| self.definition(def));
                Term::Def(defs.collect(), self.boxed(*inner))
            }
            Term::Call(name, arguments) => self.called(name, arguments),
            Term::Path(inner, path) => self.path(*inner, path),
        }
    }

    fn boxed<'s>(&self, term: Filter<'s>) -> Box<Filter<'s>> {
        Box::new(self.filter(term))
    }

    fn filters<'s>(&self, terms: Vec<Filter<'s>>) -> Vec<Filter<'s>> {
        terms.into_iter().map(|term| self.filter(term)).collect()
    }

    fn operation<'s>(
        &self,
        left: Filter<'s>,
        op: BinaryOp<&'s str>,
        right: Filter<'s>,
    ) -> Filter<'s> {
        let (left, right) = (self.filter(left), self.filter(right));
        match op {
            BinaryOp::Pipe(pattern) => {
                let pattern = pattern.map(|pattern| self.pattern(pattern));
                join(left, BinaryOp::Pipe(pattern), right)
            }
            // Each alternative is a step, so that products of alternatives are counted.
            BinaryOp::Comma => join(left, op, then(call(STEP), right)),
            BinaryOp::Math(Math::Mul) => then(Term::Call(TIMES, vec![left, right]), call(WEIGH)),
            BinaryOp::Math(Math::Div) => {
                let left = then(left, call(MEDIUM));
                then(join(left, op, right), call(WEIGH))
            }
            BinaryOp::Math(_) => then(join(left, op, right), call(GROWN)),
            BinaryOp::UpdateMath(Math::Mul) => {
                let product = Term::Call(TIMES, vec![Term::Id, Term::Var(FACTOR)]);
                let update = join(left, BinaryOp::Update, product);
                let factor = BinaryOp::Pipe(Some(Pattern::Var(FACTOR)));
                then(join(right, factor, update), call(WEIGH))
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                then(join(left, op, right), call(WEIGH))
            }
            BinaryOp::Alt | BinaryOp::Or | BinaryOp::And | BinaryOp::Cmp(_) => {
                join(left, op, right)
            }
        }
    }

    fn called<'s>(&self, name: &'s str, arguments: Vec<Filter<'s>>) -> Filter<'s> {
        let is_native = self.0.contains(&(name, arguments.len()));
        let called = Term::Call(name, self.filters(arguments));
        match is_native {
            false => called,
            true if name == "fromjson" => then(call(FLAT), then(called, call(WEIGH))),
            true if MATCHING.contains(&name) => then(call(SHORT), then(called, call(WEIGH))),
            true => then(called, call(WEIGH)),
        }
    }

    fn path<'s>(&self, inner: Filter<'s>, path: Path<Filter<'s>>) -> Filter<'s> {
        let mut yields_many = false;
        let parts = path.0.into_iter().map(|(part, opt)| {
            let part = match part {
                Part::Index(index) => Part::Index(self.filter(index)),
                Part::Range(from, until) => {
                    yields_many = true;
                    let filter = |bound: Option<_>| bound.map(|bound| self.filter(bound));
                    Part::Range(filter(from), filter(until))
                }
            };
            (part, opt)
        });
        let path = Term::Path(Box::new(self.filter(inner)), Path(parts.collect()));
        match yields_many {
            true => then(path, call(STEP)),
            false => path,
        }
    }

    fn text<'s>(
        &self,
        format: Option<&'s str>,
        parts: Vec<StrPart<&'s str, Filter<'s>>>,
    ) -> Filter<'s> {
        let is_plain = !parts.iter().any(|part| matches!(part, StrPart::Term(_)));
        let text = self.inside(Term::Str(format, parts));
        match is_plain {
            true => text,
            false => then(text, call(WEIGH)),
        }
    }

    /// What is in a term that must stay what it is.
    fn inside<'s>(&self, term: Filter<'s>) -> Filter<'s> {
        match term {
            Term::Str(format, parts) => {
                let parts = parts.into_iter().map(|part| match part {
                    StrPart::Term(term) => StrPart::Term(self.filter(term)),
                    plain => plain,
                });
                Term::Str(format, parts.collect())
            }
            other => other,
        }
    }

    fn pattern<'s>(&self, pattern: Pattern<&'s str>) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(_) => pattern,
            Pattern::Arr(inner) => {
                Pattern::Arr(inner.into_iter().map(|it| self.pattern(it)).collect())
            }
            Pattern::Obj(fields) => {
                let fields = fields.into_iter();
                let fields = fields.map(|(name, it)| (self.inside(name), self.pattern(it)));
                Pattern::Obj(fields.collect())
            }
        }
    }
}

fn join<'s>(left: Filter<'s>, op: BinaryOp<&'s str>, right: Filter<'s>) -> Filter<'s> {
    Term::BinOp(Box::new(left), op, Box::new(right))
}

fn then<'s>(first: Filter<'s>, second: Filter<'s>) -> Filter<'s> {
    join(first, BinaryOp::Pipe(None), second)
}

const fn call<'s>(name: &'static str) -> Filter<'s> {
    Term::Call(name, Vec::new())
}
