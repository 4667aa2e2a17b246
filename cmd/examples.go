package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

// examplesOf are the examples of a command as its help shows them, one a line, "" for none.
func examplesOf(c *cobra.Command) string {
	name := c.Root().Name()
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	var b strings.Builder
	for _, line := range examples()[path] {
		b.WriteString("  " + strings.ReplaceAll(name+" "+line, "&& vault ", "&& "+name+" ") + "\n")
	}
	return b.String()
}

// exampleLines has, for each command, its path after this program's name and two lines after it.
const exampleLines = `
 | use prod | exec prod -- terraform plan
use | use prod | use -
off | off | off && aws sts get-caller-identity
status | status | status --json
refresh | refresh | refresh --if-due
exec | exec prod -- terraform plan | exec --server prod -- terraform apply
export | export prod --format json | export prod --format dotenv >.env
login | login prod | login prod --stdout
serve | serve prod | serve --port 9911 dev prod
proxy | proxy | proxy --stop
add | add work | add work --from-csv accessKeys.csv
import | import --dry-run | import
list | list | list --profiles
rotate | rotate work | rotate --resume work
remove | remove work | remove --yes work old
clear | clear | clear prod
migrate | migrate --from file --to secret-service --dry-run | migrate --from file --to secret-service
agent | agent status | agent stop
agent start | agent start | agent start && vault use prod
agent stop | agent stop | agent stop && vault agent start
agent status | agent status | agent status --json
lock | lock | lock && vault off
store | store list | store check
store list | store list | store list --json
store check | store check | store check --json
store age | store age recipients | store age create
store age create | store age create | store age create --backend age
store age recipients | store age recipients | store age recipients --json
store age passphrase | store age passphrase | store age passphrase --backend age
store age reencrypt | store age reencrypt | store age reencrypt --backend age
store age add-recipient | store age add-recipient age1… | store age add-recipient 'ssh-ed25519 AAAA…'
store age remove-recipient | store age remove-recipient age1… | store age remove-recipient ann
sso | sso login | sso list
sso login | sso login corp | sso login --start-url https://corp.awsapps.com/start --region eu-west-1
sso logout | sso logout | sso logout corp
sso list | sso list | sso list corp --json
sso sync | sso sync --dry-run | sso sync corp --yes
project | project | project trust
project status | project status | project status --json
project trust | project trust | project trust && vault use .
project ignore | project ignore | project ignore src/shop
project revoke | project revoke | project revoke src/shop
project list | project list | project list --json
init | init | init --undo
hook | hook zsh | hook bash --name av
completion | completion bash | completion zsh >_vault
prompt | prompt | prompt --help
doctor | doctor | doctor --json
show | show prod | show prod --json
whoami | whoami | whoami prod
demo | demo | demo --help
version | version | version --json
help | help use | help settings
`

// examples are the lines of exampleLines by command.
func examples() map[string][]string {
	by := map[string][]string{}
	for row := range strings.Lines(strings.TrimPrefix(exampleLines, "\n")) {
		cells := strings.Split(strings.TrimSuffix(row, "\n"), " | ")
		by[cells[0]] = cells[1:]
	}
	return by
}
