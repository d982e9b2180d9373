"""The standard modules of a fresh org, one line per field.

``api_name | label | data_type[:length] | flags | choices or lookup module``; flags: ``M``
system-mandatory, ``R`` read only. Lengths: fact sheet §3.15 where it gives them, else the usual
ones of a fresh org; a client must read them from the metadata anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

_ADDRESS = """
{0}_Street|{0} Street|text:250
{0}_City|{0} City|text:100
{0}_State|{0} State|text:100
{0}_{1}|{0} {2}|text:30
{0}_Country|{0} Country|text:100
"""
_SYSTEM = """
Owner|{owner} Owner|ownerlookup:120
Created_By|Created By|ownerlookup:120|R
Modified_By|Modified By|ownerlookup:120|R
Created_Time|Created Time|datetime:120|R
Modified_Time|Modified Time|datetime:120|R
Last_Activity_Time|Last Activity Time|datetime:50|R
Tag|Tag|tags:2000
"""
_SOURCES = (
    "-None-,Advertisement,Cold Call,Employee Referral,External Referral,Online Store,Partner,"
    "Public Relations,Sales Email Alias,Seminar Partner,Internal Seminar,Trade Show,Web Download,"
    "Web Research,Chat"
)


@dataclass(frozen=True, slots=True)
class StandardModule:
    """What a fresh org knows about one standard module."""

    api_name: str
    plural: str
    singular: str
    fields: str
    duplicate_field: str | None
    display_field: str
    upsertable: bool = True
    bulk_writable: bool = True
    has_notes: bool = True


STAGES = (
    ("Qualification", 10, "Open"),
    ("Needs Analysis", 20, "Open"),
    ("Value Proposition", 40, "Open"),
    ("Identify Decision Makers", 60, "Open"),
    ("Proposal/Price Quote", 75, "Open"),
    ("Negotiation/Review", 90, "Open"),
    ("Closed Won", 100, "Closed Won"),
    ("Closed Lost", 0, "Closed Lost"),
    ("Closed Lost to Competition", 0, "Closed Lost"),
)
_STAGE_NAMES = ",".join(name for name, _, _ in STAGES)

MODULES: tuple[StandardModule, ...] = (
    StandardModule(
        "Leads",
        "Leads",
        "Lead",
        f"""
Company|Company|text:200
First_Name|First Name|text:40
Last_Name|Last Name|text:80|M
Full_Name|Full Name|text:120|R
Designation|Title|text:100
Email|Email|email:100
Secondary_Email|Secondary Email|email:100
Email_Opt_Out|Email Opt Out|boolean:5
Phone|Phone|phone:30
Mobile|Mobile|phone:30
Fax|Fax|text:30
Website|Website|website:255
Lead_Source|Lead Source|picklist:120||{_SOURCES}
Lead_Status|Lead Status|picklist:120||-None-,Attempted to Contact,Contact in Future,Contacted,\
Junk Lead,Lost Lead,Not Contacted,Pre-Qualified,Not Qualified
Industry|Industry|picklist:120||-None-,ASP (Application Service Provider),Data/Telecom OEM,ERP,\
Government/Military,Large Enterprise,Management ISV,Small/Medium Enterprise,Insurance,Health
No_of_Employees|No. of Employees|integer:9
Annual_Revenue|Annual Revenue|currency:16
Rating|Rating|picklist:120||-None-,Acquired,Active,Market Failed,Project Cancelled,Shut Down
Skype_ID|Skype ID|text:50
Twitter|Twitter|text:50
Street|Street|text:250
City|City|text:100
State|State|text:100
Zip_Code|Zip Code|text:30
Country|Country|text:100
Description|Description|textarea:32000
""",
        "Email",
        "Full_Name",
    ),
    StandardModule(
        "Contacts",
        "Contacts",
        "Contact",
        f"""
Salutation|Salutation|picklist:120||-None-,Mr.,Mrs.,Ms.,Dr.,Prof.
First_Name|First Name|text:40
Last_Name|Last Name|text:80|M
Full_Name|Full Name|text:120|R
Account_Name|Account Name|lookup:120||Accounts
Vendor_Name|Vendor Name|lookup:120||Vendors
Email|Email|email:100
Secondary_Email|Secondary Email|email:100
Email_Opt_Out|Email Opt Out|boolean:5
Phone|Phone|phone:30
Home_Phone|Home Phone|phone:30
Mobile|Mobile|phone:30
Other_Phone|Other Phone|phone:30
Asst_Phone|Asst Phone|phone:30
Fax|Fax|text:30
Assistant|Assistant|text:50
Title|Title|text:100
Department|Department|text:50
Date_of_Birth|Date of Birth|date:20
Lead_Source|Lead Source|picklist:120||{_SOURCES}
Reporting_To|Reporting To|lookup:120||Contacts
Skype_ID|Skype ID|text:50
Twitter|Twitter|text:50
{_ADDRESS.format("Mailing", "Zip", "Zip").strip()}
{_ADDRESS.format("Other", "Zip", "Zip").strip()}
Description|Description|textarea:32000
Record_Image|Contact Image|profileimage:255|R
""",
        "Email",
        "Full_Name",
    ),
    StandardModule(
        "Accounts",
        "Accounts",
        "Account",
        f"""
Account_Name|Account Name|text:200|M
Account_Number|Account Number|bigint:18
Account_Site|Account Site|text:80
Account_Type|Account Type|picklist:120||-None-,Analyst,Competitor,Customer,Distributor,\
Integrator,Investor,Other,Partner,Press,Prospect,Reseller,Supplier,Vendor
Parent_Account|Parent Account|lookup:120||Accounts
Phone|Phone|phone:30
Fax|Fax|text:30
Website|Website|website:255
Industry|Industry|picklist:120||-None-,ASP (Application Service Provider),Data/Telecom OEM,ERP,\
Government/Military,Large Enterprise,Insurance,Health,Financial Services,Other
Employees|Employees|integer:9
Annual_Revenue|Annual Revenue|currency:16
Rating|Rating|picklist:120||-None-,Acquired,Active,Market Failed,Project Cancelled,Shut Down
Ownership|Ownership|picklist:120||-None-,Other,Private,Public,Subsidiary,Partnership
SIC_Code|SIC Code|integer:9
Ticker_Symbol|Ticker Symbol|text:30
{_ADDRESS.format("Billing", "Code", "Code").strip()}
{_ADDRESS.format("Shipping", "Code", "Code").strip()}
Description|Description|textarea:32000
Record_Image|Account Image|profileimage:255|R
""",
        "Account_Name",
        "Account_Name",
    ),
    StandardModule(
        "Deals",
        "Deals",
        "Deal",
        f"""
Deal_Name|Deal Name|text:120|M
Amount|Amount|currency:16
Stage|Stage|picklist:120|M|{_STAGE_NAMES}
Pipeline|Pipeline|picklist:120||Standard
Closing_Date|Closing Date|date:20
Account_Name|Account Name|lookup:120||Accounts
Contact_Name|Contact Name|lookup:120||Contacts
Type|Type|picklist:120||-None-,Existing Business,New Business
Probability|Probability (%)|integer:3
Expected_Revenue|Expected Revenue|currency:16|R
Next_Step|Next Step|text:100
Lead_Source|Lead Source|picklist:120||{_SOURCES}
Campaign_Source|Campaign Source|lookup:120||Campaigns
Reason_For_Loss__s|Reason For Loss|picklist:120||-None-,Expectation Mismatch,Price,\
Unqualified Customer,Lack of response,Missed Follow Ups,Wrong Target,Competition,Future Interest,\
Other
Description|Description|textarea:32000
""",
        "Deal_Name",
        "Deal_Name",
    ),
    StandardModule(
        "Tasks",
        "Tasks",
        "Task",
        """
Subject|Subject|text:255|M
Due_Date|Due Date|date:20
Who_Id|Contact Name|lookup:120||Contacts
What_Id|Related To|linked:120
Status|Status|picklist:120||Not Started,Deferred,In Progress,Completed,Waiting for input
Priority|Priority|picklist:120||High,Highest,Low,Lowest,Normal
Closed_Time|Closed Time|datetime:120|R
Send_Notification_Email|Send Notification Email|boolean:5
Remind_At|Reminder|alarm:120
Recurring_Activity|Repeat|rrule:120
Description|Description|textarea:32000
""",
        None,
        "Subject",
        upsertable=False,
    ),
    StandardModule(
        "Events",
        "Meetings",
        "Meeting",
        """
Event_Title|Title|text:255|M
Start_DateTime|From|datetime:120|M
End_DateTime|To|datetime:120|M
All_day|All day|boolean:5
Venue|Location|text:255
Who_Id|Contact Name|lookup:120||Contacts
What_Id|Related To|linked:120
Participants|Participants|participants:120
Remind_At|Participants Reminder|reminder:120
Recurring_Activity|Repeat|rrule:120
Description|Description|textarea:32000
Check_In_Time|Check-In Time|datetime:120|R
Check_In_Address|Check-In Address|text:255|R
""",
        None,
        "Event_Title",
        upsertable=False,
        bulk_writable=False,
    ),
    StandardModule(
        "Calls",
        "Calls",
        "Call",
        """
Subject|Subject|text:255|M
Call_Type|Call Type|picklist:120|M|Inbound,Outbound,Missed
Call_Start_Time|Call Start Time|datetime:120|M
Call_Duration|Call Duration|text:20|M
Call_Purpose|Call Purpose|picklist:120||-None-,Prospecting,Administrative,Negotiation,Demo,Project,\
Desk
Call_Agenda|Call Agenda|text:255
Call_Result|Call Result|picklist:120||-None-,Interested,Not interested,No response/Busy
Who_Id|Contact Name|lookup:120||Contacts
What_Id|Related To|linked:120
Description|Description|textarea:32000
""",
        None,
        "Subject",
        upsertable=False,
        bulk_writable=False,
    ),
    StandardModule(
        "Campaigns",
        "Campaigns",
        "Campaign",
        """
Campaign_Name|Campaign Name|text:200|M
Type|Type|picklist:120||-None-,Conference,Webinar,Trade Show,Email,Telemarketing,Other
Status|Status|picklist:120||-None-,Planning,Active,Inactive,Complete
Start_Date|Start Date|date:20
End_Date|End Date|date:20
Expected_Revenue|Expected Revenue|currency:16
Budgeted_Cost|Budgeted Cost|currency:16
Actual_Cost|Actual Cost|currency:16
Num_sent|Num sent|bigint:18
Description|Description|textarea:32000
""",
        "Campaign_Name",
        "Campaign_Name",
    ),
    StandardModule(
        "Products",
        "Products",
        "Product",
        """
Product_Name|Product Name|text:200|M
Product_Code|Product Code|text:40
Product_Active|Product Active|boolean:5
Product_Category|Product Category|picklist:120||-None-,Hardware,Software,CRM Applications
Vendor_Name|Vendor Name|lookup:120||Vendors
Unit_Price|Unit Price|currency:16
Qty_in_Stock|Quantity in Stock|double:16
Taxable|Taxable|boolean:5
Description|Description|textarea:32000
""",
        "Product_Name",
        "Product_Name",
    ),
    StandardModule(
        "Vendors",
        "Vendors",
        "Vendor",
        """
Vendor_Name|Vendor Name|text:120|M
Phone|Phone|phone:30
Email|Email|email:100
Website|Website|website:255
Category|Category|text:50
GL_Account|GL Account|picklist:120||-None-,Sales-Software,Sales-Hardware,Rental Income,\
Interest Income
Street|Street|text:250
City|City|text:100
State|State|text:100
Zip_Code|Zip Code|text:30
Country|Country|text:100
Description|Description|textarea:32000
""",
        "Vendor_Name",
        "Vendor_Name",
    ),
    StandardModule(
        "Cases",
        "Cases",
        "Case",
        """
Subject|Subject|text:300|M
Case_Number|Case Number|autonumber:120|R
Status|Status|picklist:120|M|New,On Hold,Escalated,Closed
Priority|Priority|picklist:120||-None-,High,Medium,Low
Case_Origin|Case Origin|picklist:120|M|Email,Phone,Web
Case_Reason|Case Reason|picklist:120||-None-,User did not attend any training,\
Complex functionality,Existing problem,New problem
Account_Name|Account Name|lookup:120||Accounts
Related_To|Related To|lookup:120||Contacts
Deal_Name|Deal Name|lookup:120||Deals
Product_Name|Product Name|lookup:120||Products
Email|Email|email:100
Phone|Phone|phone:30
Description|Description|textarea:32000
Solution|Solution|textarea:32000
""",
        "Subject",
        "Subject",
    ),
    StandardModule(
        "Solutions",
        "Solutions",
        "Solution",
        """
Solution_Title|Solution Title|text:200|M
Status|Status|picklist:120||Draft,Reviewed,Duplicate
Question|Question|textarea:32000
Answer|Answer|textarea:32000
Product_Name|Product Name|lookup:120||Products
""",
        "Solution_Title",
        "Solution_Title",
    ),
    StandardModule(
        "Price_Books",
        "Price Books",
        "Price Book",
        """
Price_Book_Name|Price Book Name|text:200|M
Active|Active|boolean:5
Pricing_Model|Pricing Model|picklist:120||-None-,Flat,Differential
Description|Description|textarea:32000
""",
        "Price_Book_Name",
        "Price_Book_Name",
    ),
    StandardModule(
        "Notes",
        "Notes",
        "Note",
        """
Note_Title|Note Title|text:120
Note_Content|Note Content|textarea:65535
Parent_Id|Parent ID|linked:120
""",
        None,
        "Note_Title",
        upsertable=False,
        bulk_writable=False,
        has_notes=False,
    ),
    StandardModule(
        "Attachments",
        "Attachments",
        "Attachment",
        """
File_Name|File Name|text:255
Size|Size|bigint:18
Parent_Id|Parent ID|linked:120
""",
        None,
        "File_Name",
        upsertable=False,
        bulk_writable=False,
        has_notes=False,
    ),
    StandardModule(
        "Users",
        "Users",
        "User",
        """
first_name|First Name|text:40
last_name|Last Name|text:80|M
full_name|Full Name|text:120|R
email|Email|email:100|M
alias|Alias|text:80
phone|Phone|phone:30
mobile|Mobile|phone:30
fax|Fax|text:30
website|Website|website:255
dob|Date of Birth|date:20
street|Street|text:250
city|City|text:100
state|State|text:100
zip|Zip|text:30
country|Country|text:100
language|Language|text:30
locale|Locale|text:30
time_zone|Time Zone|text:80
zuid|ZUID|text:50|R
confirm|Confirmed|boolean:5|R
created_time|Created Time|datetime:120|R
""",
        None,
        "full_name",
        upsertable=False,
        bulk_writable=False,
        has_notes=False,
    ),
)


def system_fields(singular: str) -> str:
    """Return the lines of the fields every record module has."""
    return _SYSTEM.format(owner=singular)
