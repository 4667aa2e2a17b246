package console

import (
	"maps"
	"slices"
)

// services maps the names that people type for a service to the path of its pages. A name that
// is not here is the path itself, as for most services of AWS.
var services = map[string]string{
	"acm": "acm/home", "certificates": "acm/home",
	"apigateway": "apigateway/main/apis", "apigw": "apigateway/main/apis", "api": "apigateway/main/apis",
	"appconfig": "systems-manager/appconfig", "apprunner": "apprunner/home", "appsync": "appsync/home",
	"athena": "athena/home", "backup": "backup/home", "batch": "batch/home", "bedrock": "bedrock/home",
	"billing": "billing/home", "bill": "billing/home", "budgets": "billing/home#/budgets",
	"cost": "cost-management/home", "costexplorer": "cost-management/home#/cost-explorer", "ce": "cost-management/home#/cost-explorer",
	"cfn": "cloudformation/home", "cloudformation": "cloudformation/home", "cf": "cloudfront/v4/home",
	"amplify": "amplify/apps", "cloud9": "cloud9/home", "c9": "cloud9/home", "cloudmap": "cloudmap/home", "controltower": "controltower/home", "cloudfront": "cloudfront/v4/home", "cdn": "cloudfront/v4/home",
	"cloudshell": "cloudshell/home", "shell": "cloudshell/home",
	"cloudtrail": "cloudtrailv2/home", "ct": "cloudtrailv2/home", "trail": "cloudtrailv2/home",
	"cloudwatch": "cloudwatch/home", "cw": "cloudwatch/home", "alarms": "cloudwatch/home#alarmsV2:",
	"logs": "cloudwatch/home#logsV2:log-groups", "cwl": "cloudwatch/home#logsV2:log-groups", "insights": "cloudwatch/home#logsV2:logs-insights",
	"codeartifact": "codesuite/codeartifact/home", "codesuite": "codesuite/home", "codebuild": "codesuite/codebuild/home", "codecommit": "codesuite/codecommit/home",
	"codedeploy": "codesuite/codedeploy/home", "codepipeline": "codesuite/codepipeline/home", "pipeline": "codesuite/codepipeline/home",
	"cognito": "cognito/v2/home", "config": "config/home", "connect": "connect/v2/app/instances",
	"directconnect": "directconnect/v2/home", "dx": "directconnect/v2/home", "dms": "dms/v2/home", "docdb": "docdb/home",
	"dynamodb": "dynamodbv2/home", "ddb": "dynamodbv2/home", "dynamo": "dynamodbv2/home",
	"ebs": "ec2/home#Volumes:", "ec2": "ec2/home", "instances": "ec2/home#Instances:", "sg": "ec2/home#SecurityGroups:",
	"asg": "ec2/home#AutoScalingGroups:", "elb": "ec2/home#LoadBalancers:", "alb": "ec2/home#LoadBalancers:", "nlb": "ec2/home#LoadBalancers:",
	"ami": "ec2/home#Images:", "eb": "elasticbeanstalk/home", "beanstalk": "elasticbeanstalk/home",
	"ecr": "ecr/private-registry/repositories", "ecs": "ecs/v2/home", "fargate": "ecs/v2/home", "efs": "efs/home", "eks": "eks/home", "k8s": "eks/home",
	"elasticache": "elasticache/home", "cache": "elasticache/home", "redis": "elasticache/home", "emr": "emr/home",
	"es": "aos/home", "aos": "aos/home", "opensearch": "aos/home", "eventbridge": "events/home", "events": "events/home", "fsx": "fsx/home",
	"glue": "glue/home", "grafana": "grafana/home", "guardduty": "guardduty/home", "gd": "guardduty/home", "health": "health/home",
	"iam": "iam/home", "roles": "iam/home#/roles", "users": "iam/home#/users", "policies": "iam/home#/policies",
	"inspector": "inspector/v2/home", "iot": "iot/home", "kinesis": "kinesis/home", "firehose": "firehose/home", "kms": "kms/home",
	"l": "lambda/home", "lambda": "lambda/home", "lightsail": "ls/webapp/home", "macie": "macie/home", "mq": "amazon-mq/home", "msk": "msk/home", "mwaa": "mwaa/home", "airflow": "mwaa/home", "kafka": "msk/home",
	"neptune": "neptune/home", "organizations": "organizations/v2/home", "org": "organizations/v2/home", "orgs": "organizations/v2/home",
	"param": "systems-manager/parameters", "parameters": "systems-manager/parameters", "quicksight": "quicksight/home", "quotas": "servicequotas/home", "servicequotas": "servicequotas/home",
	"ram": "ram/home", "rds": "rds/home", "redshift": "redshiftv2/home", "resourcegroups": "resource-groups/home",
	"route53": "route53/v2/home", "r53": "route53/v2/home", "dns": "route53/v2/home", "s3": "s3/home", "glacier": "glacier/home",
	"sagemaker": "sagemaker/home", "secrets": "secretsmanager/home", "secretsmanager": "secretsmanager/home", "sm": "secretsmanager/home", "scrm": "secretsmanager/home",
	"securityhub": "securityhub/home", "sechub": "securityhub/home", "scrh": "securityhub/home", "ses": "ses/home", "servicecatalog": "servicecatalog/home",
	"sfn": "states/home", "stepfn": "states/home", "stepfunctions": "states/home", "states": "states/home",
	"sns": "sns/v3/home", "sqs": "sqs/v3/home", "ssm": "systems-manager/home", "sso": "singlesignon/home", "identitycenter": "singlesignon/home",
	"support": "support/home", "transfer": "transfer/home", "trustedadvisor": "trustedadvisor/home", "ta": "trustedadvisor/home", "tra": "trustedadvisor/home",
	"vpc": "vpcconsole/home", "subnets": "vpcconsole/home#subnets:", "waf": "wafv2/homev2", "wafv2": "wafv2/homev2", "workspaces": "workspaces/v2/home", "xray": "xray/home",
}

// ServicePath returns the path of a service's pages, and false for a name that is not in the
// table: then the path is the name's own, which may not exist.
func ServicePath(name string) (path string, known bool) {
	if path, known = services[name]; known {
		return path, true
	}
	return name + "/home", false
}

// ServiceNames returns the names of the table, sorted.
func ServiceNames() []string { return slices.Sorted(maps.Keys(services)) }
