// What needs no editor: figures, edits, checks of what comes from outside, rules for paths.
// Run by `node --test`.
import './checks';
import './evidence';
import './files';
import './figures';
import './manifest';
