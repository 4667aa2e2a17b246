# completion for fish 3.6 and later. commandline gives the words without expanding them;
# the one at the cursor goes to the program as it was typed.

function __vault_complete_vault
    set -l words (commandline -opc)
    set -l word (commandline -ct | string collect)
    # what can come before the command: X=1, and, time ...
    while set -q words[2]; and string match -qr '^(\w+=.*|and|or|not|!|time|if|while|else|begin|command|builtin|exec)$' -- $words[1]
        set -e words[1]
    end
    command -q 'vault'; or return
    set -l lines (command 'vault' __words fish $words[2..] "$word" 2>/dev/null)
    set -l mode (string split ' ' -- $lines[1])
    set -l before ''
    if test "$mode[2]" = '='
        set before (string replace -r '=.*' '=' -- $word)
        set word (string replace -r '^[^=]*=' '' -- $word)
    end
    switch "$mode[1]"
        case words
            printf '%s\n' $lines[2..]
        case files
            printf '%s\n' $before(complete -C "'' $word")
        case dirs
            printf '%s\n' $before(complete -C "'' $word" | string match -r '.*/(?:\t.*)?$')
        case command
            set -l rest (string escape -- $words[(math $mode[2] + 2)..])
            complete -C "$rest $word"
    end
end

complete -e -c vault
complete -c vault -f -a '(__vault_complete_vault)'
