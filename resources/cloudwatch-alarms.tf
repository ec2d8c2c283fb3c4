# The alarms that matter for a queue and its dead-letter queue. docs/observability.md describes them.

variable "queue_name" {
  type    = string
  default = "orders"
}

variable "dead_letter_queue_name" {
  type    = string
  default = "orders-dead-letters"
}

variable "topic_arn" {
  type        = string
  description = "The topic of SNS that notifies people"
}

variable "max_age_seconds" {
  type        = number
  default     = 900
  description = "The delay that users accept"
}

resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  alarm_name          = "${var.queue_name}-oldest-message"
  alarm_description   = "Messages wait for too long. Listeners are down, too slow, or too few."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = var.queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.max_age_seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.dead_letter_queue_name}-not-empty"
  alarm_description   = "Messages failed permanently. `mega dead-letters list` shows why."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = var.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "in_flight" {
  alarm_name          = "${var.queue_name}-in-flight"
  alarm_description   = "At 120000 messages in flight, SQS delivers no more messages of the queue."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesNotVisible"
  dimensions          = { QueueName = var.queue_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 5
  comparison_operator = "GreaterThanThreshold"
  threshold           = 96000
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.topic_arn]
  ok_actions          = [var.topic_arn]
}
