# A topic, a queue with its dead-letter queue, and a bucket for large bodies. docs/infrastructure.md
# describes them.

variable "name" {
  type    = string
  default = "orders"
}

variable "visibility_timeout_seconds" {
  type    = number
  default = 30
}

resource "aws_sns_topic" "topic" {
  name = var.name
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600 # 14 days, the longest
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "queue" {
  name                       = var.name
  message_retention_seconds  = 345600 # 4 days
  visibility_timeout_seconds = var.visibility_timeout_seconds
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = 10
  })
}

data "aws_iam_policy_document" "topic_sends" {
  statement {
    effect    = "Allow"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.queue.arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.topic.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "topic_sends" {
  queue_url = aws_sqs_queue.queue.url
  policy    = data.aws_iam_policy_document.topic_sends.json
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.topic.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.queue.arn
  raw_message_delivery = true
}

resource "aws_s3_bucket" "bodies" {
  bucket_prefix = "${var.name}-bodies-"
}

resource "aws_s3_bucket_public_access_block" "bodies" {
  bucket                  = aws_s3_bucket.bodies.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "bodies" {
  bucket = aws_s3_bucket.bodies.id

  rule {
    id     = "bodies"
    status = "Enabled"

    filter {}

    expiration {
      days = 30 # longer than a message is in the queue and in the dead-letter queue
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

output "topic_arn" {
  value = aws_sns_topic.topic.arn
}

output "queue_url" {
  value = aws_sqs_queue.queue.url
}

output "dead_letter_queue_url" {
  value = aws_sqs_queue.dead_letters.url
}

output "bucket_name" {
  value = aws_s3_bucket.bodies.id
}
