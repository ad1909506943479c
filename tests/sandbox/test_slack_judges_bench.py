"""Three judges of Block Kit payloads: our server's rules, slackblocks and slack_sdk's models.

slackblocks reads few blocks from JSON and builds the others from its classes, so what it cannot
read is handed to the class of that name. slack_sdk's models drop a block they do not know without
a word; that counts as taken.
"""

import slackblocks
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View as SdkView
from slackblocks import blocks as sb_blocks
from slackblocks import elements as sb_elements
from slackblocks import objects as sb_objects
from slackblocks.errors import InvalidUsageError

from sandbox.slack.blocks import check_blocks
from sandbox.slack.errors import RefusedError
from sandbox.slack.views import checked_view

ELEMENTS = {
    "button": sb_elements.Button,
    "static_select": sb_elements.StaticSelectMenu,
    "multi_static_select": sb_elements.StaticMultiSelectMenu,
    "users_select": sb_elements.UserSelectMenu,
    "overflow": sb_elements.OverflowMenu,
    "checkboxes": sb_elements.CheckboxGroup,
    "radio_buttons": sb_elements.RadioButtonGroup,
    "plain_text_input": sb_elements.PlainTextInput,
    "number_input": sb_elements.NumberInput,
    "datepicker": sb_elements.DatePicker,
    "image": sb_elements.Image,
    "feedback_buttons": sb_elements.FeedbackButtons,
}
BLOCKS = {
    "section": sb_blocks.SectionBlock,
    "context": sb_blocks.ContextBlock,
    "actions": sb_blocks.ActionsBlock,
    "input": sb_blocks.InputBlock,
    "table": sb_blocks.TableBlock,
    "task_card": sb_blocks.TaskCardBlock,
    "plan": sb_blocks.PlanBlock,
    "card": sb_blocks.CardBlock,
    "carousel": sb_blocks.CarouselBlock,
    "context_actions": sb_blocks.ContextActionsBlock,
}
READ = {
    "confirm": sb_objects.ConfirmationDialogue.from_dict,
    "options": lambda many: [sb_objects.Option.from_dict(one) for one in many],
    "option_groups": lambda many: [sb_objects.OptionGroup.from_dict(one) for one in many],
}


def ours(payload):
    """Whether our server takes it."""
    try:
        check_blocks(payload) if isinstance(payload, list) else checked_view(payload)
    except RefusedError:
        return False
    return True


def slackblocks_takes(payload):
    """Whether slackblocks 3.0.0 builds it."""
    try:
        if isinstance(payload, list):
            blocks = [read_block(block) for block in payload]
            slackblocks.Message(channel="C1", text="x", blocks=blocks).to_dict()
        else:
            read_view(payload).to_dict()
    except (InvalidUsageError, TypeError, KeyError):  # an argument it does not have, or misses
        return False
    return True


def slack_sdk_takes(payload):
    """Whether slack_sdk's models build it."""
    try:
        if isinstance(payload, list):
            for block in payload:
                made = SdkBlock.parse(block)
                if made is not None:
                    made.to_dict()
        else:
            SdkView(**payload).to_dict()
    except (SlackObjectFormationError, TypeError):
        return False
    return True


def read_block(block):
    try:
        return sb_blocks.Block.from_dict(block)
    except NotImplementedError:
        return BLOCKS[block["type"]](**arguments(block))


def read_view(view):
    around = {name: value for name, value in view.items() if name != "blocks"}
    blocks = [read_block(block) for block in view["blocks"]]
    return slackblocks.ModalView(**arguments(around), blocks=blocks)


def arguments(thing):
    return {name: read(name, value) for name, value in thing.items() if name != "type"}


def read(name, value):
    if name in READ:
        return READ[name](value)
    if isinstance(value, list):
        return [read("", one) for one in value]
    return read_object(name, value) if isinstance(value, dict) else value


def read_object(name, value):
    kind = value.get("type")
    if kind in ("plain_text", "mrkdwn"):
        return sb_objects.Text.from_dict(value)
    if kind == "raw_text":
        return sb_objects.RawText(value["text"])
    if name in ("positive_button", "negative_button"):
        return sb_elements.FeedbackButton(**arguments(value))
    if kind is None:  # the tasks of a plan carry no type
        return sb_blocks.TaskCardBlock(**arguments(value))
    return (ELEMENTS | BLOCKS)[kind](**arguments(value))
