# completion for Windows PowerShell 5.1 and PowerShell 7. The words are taken from the syntax tree,
# which holds them without running them, and go to the program in a variable. Pure ASCII.

function global:__vault_complete($Program, $Call, $At) {
    $exe = $ExecutionContext.InvokeCommand.GetCommand($Program, 'Application')
    if (-not $exe) { return }
    $words = [Collections.Generic.List[string]]::new(); $starts = @(); $last = ''; $start = $At
    foreach ($e in $Call.CommandElements) {
        $x = $e.Extent
        if ($x.StartOffset -ge $At) { break }
        $word = if ($e -is [Management.Automation.Language.StringConstantExpressionAst]) { $e.Value } else { $x.Text }
        if ($x.EndOffset -lt $At) { $words.Add($word); $starts += $x.StartOffset; continue }
        # Words that would have to be run, and those that the engine replaces in part, are not completed.
        if ($e -is [Management.Automation.Language.CommandParameterAst]) { if ($e.Argument) { return } }
        elseif ($e -isnot [Management.Automation.Language.ConstantExpressionAst]) { return }
        $start = $x.StartOffset
        $last = if ($x.EndOffset -eq $At) { $word } else { $x.Text.Substring(0, $At - $start).TrimStart("'", '"') }
    }
    $words.Add($last); $words.RemoveAt(0)

    $ask = [Diagnostics.ProcessStartInfo]::new($exe.Source, '__words pwsh')
    $ask.UseShellExecute = $false; $ask.CreateNoWindow = $true; $ask.StandardOutputEncoding = [Text.Encoding]::UTF8
    $ask.RedirectStandardInput = $true; $ask.RedirectStandardOutput = $true; $ask.RedirectStandardError = $true
    $ask.EnvironmentVariables['__VAULT_WORDS'] = $words -join [char]31
    $run = [Diagnostics.Process]::Start($ask)
    $run.StandardInput.Close()
    $mode, $lines = $run.StandardOutput.ReadToEnd() -split "`n"
    $mode, $more = "$mode" -split ' '
    $before = ''
    if ($more -eq '=') { $before, $last = $last -split '(?<==)', 2 }

    switch ($mode) {
        'words' { foreach ($l in $lines) { if ($l) { __vault_candidate ($l -split "`t", 2) } } }
        'files' { __vault_paths $before $last }
        'dirs' { __vault_paths $before $last -Dirs }
        'command' {
            $at0 = if ([int]"$more" + 1 -lt $starts.Count) { $starts[[int]"$more" + 1] } else { $start }
            $text = $Call.Extent.StartScriptPosition.GetFullScript().Substring($at0, $At - $at0)
            if (-not $text) { return [Management.Automation.CompletionCompleters]::CompleteCommand('') }
            $all = [Management.Automation.CommandCompletion]::CompleteInput($text, $text.Length, $null)
            if ($all.ReplacementIndex -eq $start - $at0) { $all.CompletionMatches }
        }
    }
}

# What is returned is inserted as it is, so it is quoted here; a number too, or it would be passed on as one.
function global:__vault_candidate($Parts, $Kind = 'ParameterValue') {
    $value = $Parts[0]; $tip = @($Parts)[-1]
    $text = $value
    if ($value -cnotmatch '^-{0,2}[A-Za-z_][-A-Za-z0-9_./:=+]*$') {
        $text = "'" + [Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($value) + "'"
    }
    [Management.Automation.CompletionResult]::new($text, $value, $Kind, $tip)
}

function global:__vault_paths($Before, $Typed, [switch]$Dirs) {
    $null = $Typed -match '^(.*[/\\])?([^/\\]*)$'
    $folder = "$($Matches[1])"; $name = $Matches[2]
    $where = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($(if ($folder) { $folder } else { '.' }))
    foreach ($f in [IO.DirectoryInfo]::new($where).GetFileSystemInfos()) {
        $sub = $f -is [IO.DirectoryInfo]
        if (($Dirs -and -not $sub) -or -not $f.Name.StartsWith($name, 'OrdinalIgnoreCase')) { continue }
        __vault_candidate ($Before + $folder + $f.Name), $f.FullName $(if ($sub) { 'ProviderContainer' } else { 'ProviderItem' })
    }
}

Microsoft.PowerShell.Core\Register-ArgumentCompleter -Native -CommandName 'av' -ScriptBlock {
    param($Word, $Call, $At)
    try { __vault_complete '/opt/it''s $(here)/vault' $Call $At } catch { }   # an unfinished line is not an error
}
