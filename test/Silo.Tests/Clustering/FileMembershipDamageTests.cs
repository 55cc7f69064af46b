using GrainDb.Silo.Clustering;
using Xunit;

namespace GrainDb.Silo.Tests.Clustering;

/// <summary>A damaged table is said, and never taken for an empty one.</summary>
public sealed class FileMembershipDamageTests : IDisposable
{
    private readonly TableFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    private async Task<FileMembershipTable> TableWithOneRowAsync()
    {
        var table = await _fixture.StartTableAsync();
        Assert.True(await table.InsertRow(_fixture.NewRunningEntry(SiloStatus.Active), (await table.ReadAll()).Version.Next()));
        return table;
    }

    [Fact]
    public async Task A_file_cut_anywhere_is_damaged()
    {
        var table = await TableWithOneRowAsync();
        var whole = await File.ReadAllBytesAsync(_fixture.TablePath, TestContext.Current.CancellationToken);
        for (var length = 0; length < whole.Length - 2; length++) // without its last line feed it is still whole
        {
            await File.WriteAllBytesAsync(_fixture.TablePath, whole[..length], TestContext.Current.CancellationToken);
            await Assert.ThrowsAsync<MembershipTableDamagedException>(table.ReadAll);
        }
    }

    [Fact]
    public async Task A_file_with_one_flipped_bit_in_its_table_is_damaged()
    {
        var table = await TableWithOneRowAsync();
        var whole = await File.ReadAllBytesAsync(_fixture.TablePath, TestContext.Current.CancellationToken);
        var start = whole.AsSpan().IndexOf("\"table\":"u8) + "\"table\":".Length;
        for (var index = start; index < whole.Length - 2; index++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[index] ^= 1;
            await File.WriteAllBytesAsync(_fixture.TablePath, damaged, TestContext.Current.CancellationToken);
            await Assert.ThrowsAsync<MembershipTableDamagedException>(table.ReadAll);
        }
    }

    [Fact]
    public async Task The_message_names_the_file_and_what_to_do()
    {
        var table = await TableWithOneRowAsync();
        await File.WriteAllTextAsync(_fixture.TablePath, "{}", TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<MembershipTableDamagedException>(table.ReadAll);
        Assert.Equal($"membership table {_fixture.TablePath} is not a membership table; stop all nodes that use it, delete it, and start them again", refused.Message);
    }

    [Fact]
    public async Task Changes_and_newcomers_refuse_a_damaged_table_too()
    {
        var table = await TableWithOneRowAsync();
        var data = await table.ReadAll();
        await File.WriteAllTextAsync(_fixture.TablePath, "", TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<MembershipTableDamagedException>(() => table.InsertRow(_fixture.NewRunningEntry(), data.Version.Next()));
        await Assert.ThrowsAsync<MembershipTableDamagedException>(() => table.UpdateIAmAlive(data.Members[0].Item1));
        await Assert.ThrowsAsync<MembershipTableDamagedException>(() => _fixture.NewTable().InitializeMembershipTable(true));
        Assert.Equal(0, new FileInfo(_fixture.TablePath).Length);
    }

    [Fact]
    public async Task A_table_that_vanished_under_running_nodes_is_not_created_anew()
    {
        var table = await TableWithOneRowAsync();
        File.Delete(_fixture.TablePath);
        await Assert.ThrowsAsync<MembershipTableDamagedException>(table.ReadAll);
        await Assert.ThrowsAsync<MembershipTableDamagedException>(() => _fixture.NewTable().InitializeMembershipTable(true));
        Assert.False(File.Exists(_fixture.TablePath));
    }

    [Fact]
    public async Task A_table_of_another_cluster_is_refused()
    {
        await TableWithOneRowAsync();
        var refused = await Assert.ThrowsAsync<MembershipTableDamagedException>(() => _fixture.NewTable(clusterId: "other").InitializeMembershipTable(true));
        Assert.Equal($"membership table {_fixture.TablePath} belongs to cluster 'test', this node to 'other'", refused.Message);
    }

    [Fact]
    public async Task What_a_crashed_writer_left_is_ignored()
    {
        var table = await TableWithOneRowAsync();
        await File.WriteAllTextAsync(_fixture.TablePath + ".new", "half a ta", TestContext.Current.CancellationToken);
        Assert.True(await table.InsertRow(_fixture.NewRunningEntry(), (await table.ReadAll()).Version.Next()));
        Assert.Equal(2, (await table.ReadAll()).Members.Count);
    }
}
