"""The key under which every stack of the tests makes its recording ids."""

from call_lake.model.recording_ids import RecordingIds

ID_KEY = "an-invented-key-of-recording-ids-0123456789"
ID_KEY_SECRET = "key-of-recording-ids"
IDS = RecordingIds(ID_KEY)
