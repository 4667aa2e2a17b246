//go:build unix

package cmd_test

import (
	"os/exec"
	"testing"

	"github.com/d44b7504/vault/internal/testenv"
)

// terraform is a run that is longer than lives of the sessions. It reads and locks its
// state at S3 at the beginning, and writes and unlocks it at the end, with what its copy of
// AWS's SDK has by then.
const terraform = `
terraform {
  backend "s3" {
    bucket         = "states"
    key            = "prod/terraform.tfstate"
    region         = "eu-central-1"
    use_lockfile   = true
    use_path_style = true
  }
}

resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep ${var.seconds}"
  }
}

variable "seconds" { type = number }

output "done" { value = terraform_data.slow.id }
`

// terraformProgram returns Terraform or OpenTofu, whichever is installed.
func terraformProgram(t *testing.T) string {
	for _, name := range []string{"tofu", "terraform"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	testenv.Missing(t, "terraform", "neither tofu nor terraform is installed")
	return ""
}

func TestTerraformOutlivesItsSessions(t *testing.T) {
	testenv.OnlyLong(t, "three runs of Terraform")
	program := terraformProgram(t)
	inEachWay(t, true, func(t *testing.T, w *world, run func(extra, client []string) result) {
		w.aws.AddBucket(account, "states")
		w.write("main.tf", terraform)
		r := run([]string{"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0", "AWS_ENDPOINT_URL_S3=" + w.aws.URL(), "TF_VAR_seconds=" + workSeconds(), "PROGRAM=" + program},
			[]string{"sh", "-c", `"$PROGRAM" init -no-color && "$PROGRAM" apply -no-color -auto-approve && "$PROGRAM" output -no-color -raw done`})
		if r.status != 0 {
			t.Fatalf("status %d\n%s%s", r.status, r.out, r.err)
		}
		if made := w.aws.Calls("AssumeRole"); made <= lives || w.aws.Calls("PutObject") < 2 || w.aws.Calls("DeleteObject") < 1 {
			t.Errorf("%d sessions, %d writes and %d deletions", made, w.aws.Calls("PutObject"), w.aws.Calls("DeleteObject"))
		}
	})
}
