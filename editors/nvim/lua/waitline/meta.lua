--- @meta
--- Types, for editors of configurations and of this plugin. Never loaded.
--- Times and durations are nanoseconds; lines of the server count from 0.

--- @class waitline.Options
--- @field enable? boolean start the server for Go buffers (default: true)
--- @field server? waitline.Options.Server
--- @field trace? waitline.Options.Trace
--- @field metric? 'impact'|'block'|'sched'|'gcAssist'|'syscall' what lines show and are coloured by (default: 'impact')
--- @field annotations? waitline.Options.Annotations
--- @field heat? { enable?: boolean } colour the number and the sign of a line by what it costs (default: true)
--- @field codeLens? { enable?: boolean } figures above functions (default: true)
--- @field stale? { mode?: 'mark'|'hide'|'ignore' } lines that are not surely the recorded ones (default: 'mark')
--- @field findings? { disabled?: string[], severity?: table<string, string>, max?: integer }
--- @field substitutePath? { from: string, to: string }[] `from` is a folder here, `to` what the trace has
--- @field exclude? string[] globs of files that are not your own code

--- @class waitline.Options.Server
--- @field path? string the program; empty: PATH, then a built checkout around this plugin
--- @field extraEnv? table<string, string> variables for the server

--- @class waitline.Options.Trace
--- @field file? string the trace to show at the start, below the root folder if it is relative
--- Of the newest trace of the folder: 'ask' says that it is there, 'latest' shows it, and newer ones as
--- they are written (default: 'ask').
--- @field autoLoad? 'off'|'ask'|'latest'
--- @field globs? string[] which files of the folder are traces
--- @field watch? boolean a trace that is written anew is shown anew (default: true)

--- @class waitline.Options.Annotations
--- @field enable? boolean figures at the ends of lines (default: true)
--- @field position? 'eol'|'rightAlign' (default: 'eol')
--- @field maxLength? integer columns; a longer text is cut to its first figures (default: 40)
--- @field minDuration? string the least that a line must cost to have figures (default: '1ms')

--- @class waitline.State what is shown
--- @field analysis integer
--- @field trace string the path
--- @field summary string a line for people
--- @field duration integer
--- @field events integer
--- @field costly integer
--- @field findings integer
--- @field range? { t0: integer, t1: integer }
--- @field partial? string why the trace was not read to its end

--- @class waitline.Cost what stands at a line's end
--- @field line integer
--- @field hint string at most 24 characters
--- @field text string
--- @field others? string|vim.NIL how much others wait for the line
--- @field style 'costly'|'through'|'idle'|'plain'
--- @field heat integer 0 to 4
--- @field costly integer
--- @field state? 'exact'|'shifted'|'doubtful' whether the line is the recorded one
--- @field source? string the line's text when the figures were asked for
--- @field mark? integer the extmark, once the line was on the screen

--- @class waitline.Place
--- @field func? string
--- @field file? string where the program was built
--- @field recorded? integer the line there, from 1
--- @field uri? string where it is in the editor
--- @field line? integer

--- @class waitline.Origin: waitline.Place
--- @field n integer
--- @field ns integer

--- @class waitline.Part
--- @field kind string
--- @field n integer
--- @field ns integer
--- @field open integer
--- @field p50 integer
--- @field p90 integer
--- @field p99 integer
--- @field longest? { g?: integer, start: integer, ns: integer }
--- @field costly integer
--- @field verdict? string
--- @field reason? string
--- @field blame (waitline.Place | { what: string, ns: integer })[]

--- @class waitline.Command
--- @field run fun(ctx: waitline.Context)
--- @field desc string
--- @field complete? fun(lead: string, words: string[]): string[]
--- @field args? string how its arguments are written
--- @field bang? string what `!` changes
--- @field range? boolean

--- @class waitline.Context
--- @field args string[]
--- @field bang boolean
--- @field line1? integer of a range, from 1
--- @field line2? integer
