package cmd

import "github.com/spf13/cobra"

func newDemo(r *run) *cobra.Command { return &cobra.Command{Use: "demo"} }
